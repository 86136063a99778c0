"""Losses of architectures: by hand where short, dense against gathered, instances apart."""

import math

import pytest
import torch

from universality.activation_functions import Gated, JumpReLU
from universality.training.architectures import (
    NAMES,
    BatchTopKRecipe,
    FrozenDecoderRecipe,
    GatedRecipe,
    JumpReLURecipe,
    MatryoshkaRecipe,
    ReLURecipe,
    TiedReLURecipe,
    make_architecture,
)
from universality.training.architectures.aligned import align
from universality.training.architectures.batchtopk import largest_of_all
from universality.training.architectures.frozen import into_cone
from universality.training.architectures.interface import Batch, Space
from universality.training.architectures.jumprelu import jump
from universality.training.calibration import calibrated
from universality.training.scale import unscaled

SPARSE = {"relu": 60.0, "relu_tied": 60.0, "gated": 60.0, "jumprelu": 8.0, "transcoder": 60.0}
"""How far down the encoder's bias goes so that few latents fire and entries are listed."""


def _tokens(n=64, d=16, seed=0):
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed)) * 3


def _batch(x, d_sae, **options):
    dead = torch.zeros(d_sae, dtype=torch.bool)
    return Batch(**({"x": x, "target": x, "dead": dead, "variance": 9.0 * x.shape[-1]} | options))


def _parameters(recipe, d_in=16, d_sae=96, seed=1, *, lower=0.0):
    generator = torch.Generator().manual_seed(seed)
    space = Space(d_sae, torch.ones(d_in), torch.ones(d_in))
    parameters = recipe.start(space, generator)
    for name, tensor in parameters.items():
        if name not in ("W_dec", "W_dec_start", "threshold"):
            tensor += torch.randn(tensor.shape, generator=generator) / 10
        if name in ("b_enc", "b_gate"):
            tensor -= lower
    return {
        name: tensor.requires_grad_(name not in recipe.frozen)
        for name, tensor in parameters.items()
    }


def _results(recipe, parameters, batch):
    for tensor in parameters.values():
        tensor.grad = None
    result = recipe.loss(parameters, batch)
    result.loss.backward()
    gradients = {name: p.grad for name, p in parameters.items() if name not in recipe.frozen}
    return result, gradients


@pytest.mark.parametrize("n_dead", [0, 7])
@pytest.mark.parametrize("name", NAMES)
def test_listed_entries_give_the_loss_and_gradients_of_the_dense_code(name, n_dead):
    recipe = make_architecture(name, {"k": 2} if "k" in make_architecture(name).__dict__ else {})
    parameters = _parameters(recipe, lower=7.0 if name in SPARSE else 0.0)
    dead = torch.arange(96) < n_dead
    gathered, dense = (
        _results(recipe, parameters, _batch(_tokens(), 96, dead=dead, gather=gather))
        for gather in (True, False)
    )
    assert 0 < float(gathered[0].l0) < 96 * 0.03 + 2
    torch.testing.assert_close(gathered[0].loss, dense[0].loss)
    assert torch.equal(gathered[0].fired, dense[0].fired)
    torch.testing.assert_close(gathered[0].l0, dense[0].l0)
    assert gathered[1].keys() == dense[1].keys()
    for tensor, gradient in gathered[1].items():
        torch.testing.assert_close(gradient, dense[1][tensor], msg=tensor)


@pytest.mark.parametrize("recipe", [ReLURecipe(2.0), TiedReLURecipe(2.0), GatedRecipe(2.0)])
def test_dense_gradients_are_autograds(recipe):
    parameters = _parameters(recipe, d_in=8, d_sae=20)
    x = _tokens(30, 8)
    _, ours = _results(recipe, parameters, _batch(x, 20, gather=False))
    for tensor in parameters.values():
        tensor.grad = None
    _by_definition(recipe, parameters, x, variance=9.0 * 8).backward()
    for name, gradient in ours.items():
        torch.testing.assert_close(gradient, parameters[name].grad, msg=name)


def _by_definition(recipe, parameters, x, *, variance):
    p = parameters
    W_enc = p.get("W_enc", p["W_dec"])
    inner = (x - p["b_dec"]) @ W_enc.T
    if isinstance(recipe, GatedRecipe):
        gate = inner + p["b_gate"]
        magnitude = (inner * p["r_mag"].exp() + p["b_mag"]).relu()
        codes, penalised = (gate > 0).float() * magnitude, gate.relu()
        again = x - penalised @ p["W_dec"].detach() - p["b_dec"].detach()
        auxiliary = again.square().sum(dim=1).mean()
    else:
        codes = penalised = (inner + p["b_enc"]).relu()
        auxiliary = 0.0
    error = (x - codes @ p["W_dec"] - p["b_dec"]).square().sum(dim=1).mean()
    return (error + recipe.l1 * penalised.sum(dim=1).mean() + auxiliary) / variance


@pytest.mark.parametrize(
    "recipe", [ReLURecipe(2.0), TiedReLURecipe(2.0), GatedRecipe(2.0), JumpReLURecipe(5.0)]
)
def test_instances_on_a_leading_axis_do_not_touch_each_other(recipe):
    alone = [_parameters(recipe, seed=seed) for seed in (1, 2, 3)]
    x = torch.stack([_tokens(seed=seed) for seed in (4, 5, 6)])
    together = {
        name: torch.stack([one[name].detach() for one in alone]).requires_grad_()
        for name in alone[0]
    }
    dead = torch.zeros(3, 96, dtype=torch.bool)
    stacked, gradients = _results(recipe, together, _batch(x, 96, dead=dead))
    for number, parameters in enumerate(alone):
        single, own = _results(recipe, parameters, _batch(x[number], 96, gather=False))
        torch.testing.assert_close(stacked.fvu[number], single.fvu)
        torch.testing.assert_close(stacked.l0[number], single.l0)
        assert torch.equal(stacked.fired[number], single.fired)
        for name, gradient in own.items():
            torch.testing.assert_close(gradients[name][number], gradient, rtol=1e-5, atol=1e-6)


def test_straight_through_gradients_have_the_published_values():
    z = torch.tensor([1.0, 1.4, 1.6, 2.0], requires_grad=True)
    threshold = torch.full((4,), 1.5, requires_grad=True)
    jump(z, threshold, 0.5)[1].sum().backward()
    assert threshold.grad.tolist() == [0.0, -2.0, -2.0, 0.0]
    assert z.grad.tolist() == [0.0, 0.0, 0.0, 0.0]
    threshold.grad = z.grad = None
    jump(z, threshold, 0.5)[0].sum().backward()
    assert threshold.grad.tolist() == [0.0, -3.0, -3.0, 0.0]
    assert z.grad.tolist() == [0.0, 0.0, 1.0, 1.0]


def test_below_zero_counts_as_zero_in_the_kernel_of_a_low_threshold():
    z = torch.tensor([[-5.0], [-0.1], [0.2], [0.4]], requires_grad=True)
    threshold = torch.tensor([[0.1]], requires_grad=True)
    jump(z, threshold, 0.5)[1].sum().backward()
    assert threshold.grad.tolist() == [[-2.0 * 3]]


@pytest.mark.parametrize(
    ("recipe", "expected"),
    [(JumpReLURecipe(target_l0=5.0), lambda l0: (l0 / 5 - 1) ** 2),
     (JumpReLURecipe(target_l0=5.0, l0=0.1), lambda l0: 0.1 * (l0 / 5 - 1) ** 2),
     (JumpReLURecipe(target_l0=0.0, l0=0.3), lambda l0: 0.3 * l0 / 144)],
)  # fmt: skip
def test_both_penalties_of_jumprelu(recipe, expected):
    result = recipe.loss(_parameters(recipe), _batch(_tokens(), 96))
    assert float(result.loss.detach() - result.fvu) == pytest.approx(
        expected(float(result.l0)), rel=1e-4
    )


@pytest.mark.parametrize("count", [1, 50, 700, 64 * 96])
@pytest.mark.parametrize("skewed", [False, True])
def test_largest_of_all_is_topk_of_the_whole_batch(count, skewed):
    pre = _tokens(64, 96)
    if skewed:  # a sample that misses the large ones entirely
        pre[:, 5] += 1000
    found = largest_of_all(pre, count)
    assert found.tolist() == sorted(found.tolist())
    expected = pre.flatten().topk(count).values
    assert torch.equal(pre.flatten()[found].sort(descending=True).values, expected)


def test_batch_topk_spends_one_budget_over_the_batch():
    recipe = BatchTopKRecipe(3)
    x = _tokens()
    x[:32] *= 10
    result = recipe.loss(_parameters(recipe), _batch(x, 96))
    assert float(result.l0) == 3
    p = _parameters(recipe)
    pre = ((x - p["b_dec"]) @ p["W_enc"].T + p["b_enc"]).detach()
    smallest = pre.flatten().topk(3 * 64).values[-1]
    codes = pre * (pre >= smallest)
    error = (x - codes @ p["W_dec"] - p["b_dec"]).square().sum() / 64 / 144
    torch.testing.assert_close(result.fvu, error.detach())


def test_matryoshka_is_the_mean_over_prefixes_by_definition():
    recipe = MatryoshkaRecipe(3, prefixes=(0.25, 0.5, 1.0))
    p = _parameters(recipe)
    x = _tokens()
    result = recipe.loss(p, _batch(x, 96))
    pre = (x - p["b_dec"]) @ p["W_enc"].T + p["b_enc"]
    codes = pre * (pre >= pre.flatten().topk(3 * 64).values[-1])
    losses = [
        (x - codes[:, :n] @ p["W_dec"][:n] - p["b_dec"]).square().sum() / 64 / 144
        for n in (24, 48, 96)
    ]
    torch.testing.assert_close(result.loss, sum(losses) / 3)
    torch.testing.assert_close(result.fvu, losses[-1].detach())


def test_aligned_rows_have_inner_product_one_and_are_the_nearest_that_have():
    generator = torch.Generator().manual_seed(0)
    rows = torch.randn(50, 8, generator=generator, dtype=torch.float64)
    units = torch.nn.functional.normalize(torch.randn_like(rows), dim=1)
    moved = rows.clone()
    align(moved, units)
    torch.testing.assert_close((moved * units).sum(1), torch.ones(50, dtype=torch.float64))
    # Lagrange: the nearest point of a hyperplane lies along its normal.
    across = (moved - rows) - ((moved - rows) * units).sum(1, keepdim=True) * units
    torch.testing.assert_close(across, torch.zeros_like(across))
    once = moved.clone()
    align(moved, units)
    torch.testing.assert_close(moved, once)


def test_a_frozen_decoder_gets_no_gradient():
    recipe = FrozenDecoderRecipe(3)
    parameters = _parameters(recipe)
    recipe.loss(parameters, _batch(_tokens(), 96)).loss.backward()
    assert parameters["W_dec"].grad is None
    assert parameters["W_enc"].grad is not None


def test_rows_come_back_to_the_surface_of_their_cone_and_not_further():
    axes = torch.eye(3)
    angles = [math.acos(0.9), math.acos(0.5), math.pi]
    rows = torch.stack(
        [math.cos(a) * axes[i] + math.sin(a) * axes[(i + 1) % 3] for i, a in enumerate(angles)]
    )
    before = rows.clone()
    into_cone(rows, axes, 0.8)
    assert torch.equal(rows[0], before[0])
    torch.testing.assert_close(rows[1], torch.tensor([0.0, 0.8, 0.6]))
    assert float(rows[2] @ axes[2]) == pytest.approx(0.8)


@pytest.mark.parametrize("name", NAMES)
def test_raw_dictionary_does_to_raw_tokens_what_the_loss_saw_on_scaled_ones(name):
    recipe = make_architecture(name)
    parameters = {n: t.detach() for n, t in _parameters(recipe, seed=3).items()}
    scaled = recipe.dictionary(parameters)
    if isinstance(scaled.activation_fn, JumpReLU):
        parameters |= {"threshold": torch.rand(96)}
        rule = JumpReLU(parameters["threshold"])
        scaled = type(scaled)(**(vars(scaled) | {"activation_fn": rule}))
    scales = (0.25, 4.0) if name == "transcoder" else (0.25, 0.25)
    raw = unscaled(scaled, *scales)
    x = _tokens()
    codes = raw.encode(x / scales[0])
    torch.testing.assert_close(codes * scales[1], scaled.encode(x), rtol=1e-4, atol=1e-4)
    rebuilt, expected = raw.decode(codes), scaled.decode(scaled.encode(x))
    torch.testing.assert_close(rebuilt * scales[1], expected, rtol=1e-4, atol=1e-3)
    if isinstance(raw.activation_fn, Gated):
        assert torch.equal(raw.activation_fn.r_mag, parameters["r_mag"])


@pytest.mark.parametrize("l0", [1.0, 3.5, 20.0])
def test_a_calibrated_threshold_has_the_l0_asked_for(l0):
    recipe = BatchTopKRecipe(2)
    dictionary = recipe.dictionary({n: t.detach() for n, t in _parameters(recipe).items()})
    x = _tokens(512)
    found = calibrated(dictionary, l0, x.split(100))
    assert float((found.encode(x) > 0).float().sum(dim=1).mean()) == pytest.approx(l0, abs=0.01)
    more = calibrated(dictionary, 95.0, x.split(100))  # more than are ever positive
    assert torch.equal(more.encode(x), dictionary.encode(x))
