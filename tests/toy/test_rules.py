"""The three losses by their definitions, written out token by token; and their dictionaries."""

from __future__ import annotations

import math

import pytest
import torch

from universality.errors import InvalidInputError
from universality.toy.rules import RULES, ToyRule, decoder_rows, find_rule, start_parameters
from universality.toy.straight_through import jump, step
from universality.toy.training import generators_of


def _parameters(rule: ToyRule, d_sae: int = 4) -> dict[str, torch.Tensor]:
    found = start_parameters(rule, 3, d_sae, generators_of(0, 2, "test"))
    generator = torch.Generator().manual_seed(5)
    for name in found:
        if found[name].ndim == 2:
            found[name] = found[name] + 0.3 * torch.randn(found[name].shape, generator=generator)
    return {name: tensor.double() for name, tensor in found.items()}


def _hidden() -> torch.Tensor:
    return torch.randn(2, 6, 3, generator=torch.Generator().manual_seed(2)).double()


def test_unit_values_of_the_straight_through_estimators() -> None:
    z = torch.tensor([[1.0, 1.4, 1.6, 2.0]], requires_grad=True)
    theta = torch.full((1, 4), 1.5, requires_grad=True)
    (slope,) = torch.autograd.grad(step(z, theta, 0.5).sum(), theta)
    assert slope.tolist() == [[0, -2, -2, 0]]
    by_theta, by_z = torch.autograd.grad(jump(z, theta, 0.5).sum(), (theta, z))
    assert by_theta.tolist() == [[0, -3, -3, 0]]
    assert by_z.tolist() == [[0, 0, 1, 1]]
    assert step(z, theta, 0.5).tolist() == [[0, 0, 1, 1]]
    torch.testing.assert_close(jump(z, theta, 0.5), torch.tensor([[0, 0, 1.6, 2.0]]))


@pytest.mark.parametrize("architecture", RULES)
def test_loss_by_its_definition(architecture: str) -> None:
    rule = RULES[architecture]
    p, h = _parameters(rule), _hidden()
    for i in range(2):
        expected = 0.0
        for x in h[i]:
            W_enc = p["W_enc"][i]
            rows = p["W_dec"][i] if "W_dec" in p else W_enc
            rows = rows / rows.norm(dim=1, keepdim=True)
            read = W_enc @ (x - p["b_dec"][i])
            if architecture == "gated":
                gate = read + p["b_gate"][i]
                z = (gate > 0) * (read * p["r_mag"][i].exp() + p["b_mag"][i]).relu()
                aside = (gate.relu() @ rows + p["b_dec"][i] - x).square().sum()
                penalty = gate.relu().sum() + aside
            elif architecture == "jumprelu":
                pre, theta = (read + p["b_enc"][i]).relu(), p["log_threshold"][i].exp()
                z = pre * (pre > theta)
                penalty = 0.1 * (pre > theta).sum()
            else:
                z = (read + p["b_enc"][i]).relu()
                penalty = 0.2 * z.sum()
            error = (z @ rows + p["b_dec"][i] - x).square().sum() / 3
            expected += float(error + penalty) / 6
        assert float(rule.loss(p, h).loss[i]) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("architecture", RULES)
def test_an_instance_is_a_dictionary_that_computes_the_same(architecture: str) -> None:
    rule = RULES[architecture]
    p, h = _parameters(rule), _hidden()
    single = {name: tensor.float() for name, tensor in p.items()}
    for i in range(2):
        run = rule.instance(single, i)
        back = run.decode(run.encode(h[i].float()))
        torch.testing.assert_close(
            back, rule.loss(single, h.float()).reconstruction[i], atol=1e-5, rtol=0
        )


def test_the_gates_own_reconstruction_does_not_move_the_decoder() -> None:
    rule = RULES["gated"]
    p = {name: tensor.requires_grad_() for name, tensor in _parameters(rule).items()}
    shut = {**p, "b_mag": torch.full_like(p["b_mag"], -100.0)}  # nothing passes the magnitudes
    rule.loss(shut, _hidden()).loss.sum().backward()
    assert float(p["W_dec"].grad.abs().max()) == 0.0  # type: ignore[union-attr]
    assert float(p["W_enc"].grad.abs().max()) > 0.0  # type: ignore[union-attr]


def test_starts() -> None:
    untied = start_parameters(RULES["relu"], 2, 5, generators_of(0, 16, "test"))
    torch.testing.assert_close(untied["W_dec"].norm(dim=2), torch.ones(16, 5))
    assert float(untied["W_enc"].abs().max()) <= math.sqrt(6 / (2 * 5))
    assert not untied["b_enc"].any()
    assert not untied["b_dec"].any()
    jump_relu = start_parameters(RULES["jumprelu"], 2, 5, generators_of(0, 1, "test"))
    torch.testing.assert_close(jump_relu["log_threshold"].exp(), torch.full((1, 5), 0.1))
    assert "W_dec" not in jump_relu
    torch.testing.assert_close(decoder_rows(jump_relu).norm(dim=2), torch.ones(1, 5))


def test_unknown_architectures_and_coefficients_are_refused() -> None:
    assert find_rule("gated", 0.5).coefficient == 0.5
    with pytest.raises(InvalidInputError, match="must be one of relu, tied, gated, jumprelu"):
        find_rule("ReLU")
    for coefficient in (-0.1, float("nan"), float("inf")):
        with pytest.raises(InvalidInputError, match="must not be negative"):
            find_rule("relu", coefficient)
