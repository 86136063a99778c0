"""Activation rules against slow definitions, one token at a time."""

from __future__ import annotations

import pytest
import torch

from universality.activation_functions import (
    AbsTopK,
    Gated,
    GroupMax,
    Identity,
    JumpReLU,
    NotEncodable,
    ReLU,
    TopK,
    apply,
    describe_activation,
)
from universality.errors import InvalidInputError, UnsupportedError

N = 12
PRE = torch.randn(40, N, generator=torch.Generator().manual_seed(0))


def _slow_top_k(row: list[float], k: int, *, by_size: bool) -> list[float]:
    order = sorted(range(N), key=lambda i: -(abs(row[i]) if by_size else row[i]))[:k]
    return [row[i] if i in order and (by_size or row[i] > 0) else 0.0 for i in range(N)]


@pytest.mark.parametrize("k", [1, 3, N])
@pytest.mark.parametrize("by_size", [False, True])
def test_top_k_keeps_the_largest(k: int, by_size: bool) -> None:
    rule = AbsTopK(k) if by_size else TopK(k)
    slow = torch.tensor([_slow_top_k(row, k, by_size=by_size) for row in PRE.tolist()])
    assert torch.equal(apply(rule, PRE), slow)


def test_group_max_keeps_one_positive_value_per_group() -> None:
    slow = torch.zeros_like(PRE)
    for t, row in enumerate(PRE.tolist()):
        for start in range(0, N, 3):
            best = max(range(start, start + 3), key=lambda i: row[i])
            slow[t, best] = max(0.0, row[best])
    assert torch.equal(apply(GroupMax(4), PRE), slow)


def test_jump_relu_is_strict_at_its_threshold() -> None:
    threshold = torch.full((N,), 0.5)
    pre = torch.tensor([[0.5, 0.5000001, 0.4, -1.0] + [0.0] * (N - 4)])
    assert torch.equal(apply(JumpReLU(threshold), pre), torch.where(pre > 0.5, pre, 0.0))


def test_a_negative_threshold_lets_no_negative_value_through() -> None:
    assert torch.equal(apply(JumpReLU(torch.full((N,), -1.0)), PRE), PRE.clamp(min=0))


def test_gated_opens_by_one_path_and_measures_by_the_other() -> None:
    b_gate, r_mag, b_mag = torch.randn(3, N, generator=torch.Generator().manual_seed(1))
    size = (PRE * r_mag.exp() + b_mag).clamp(min=0)
    assert torch.equal(apply(Gated(b_gate, r_mag, b_mag), PRE), size * (PRE + b_gate > 0))


def test_relu_and_identity() -> None:
    assert torch.equal(apply(ReLU(), PRE), PRE.clamp(min=0))
    assert apply(Identity(), PRE) is PRE


def test_refusals() -> None:
    with pytest.raises(UnsupportedError, match="cannot encode: it is odd"):
        apply(NotEncodable("it is odd"), PRE)
    with pytest.raises(InvalidInputError, match="k=5 does not divide d_sae=12"):
        apply(GroupMax(5), PRE)
    with pytest.raises(InvalidInputError, match="k must be at least 1"):
        TopK(0)


def test_names_for_tables() -> None:
    assert describe_activation(TopK(32)) == "topk(32)"
    assert describe_activation(ReLU()) == "relu"
    assert describe_activation(NotEncodable("x")) == "unavailable"
