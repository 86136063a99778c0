"""Input normalisation: what it makes of tokens, and that decoding undoes it."""

from __future__ import annotations

import math

import pytest
import torch

from universality.input_normalization import (
    ConstantNorm,
    InputNormalization,
    LayerNorm,
    NoNormalization,
    Standardize,
    normalize,
    raw_scale,
)

D = 6
X = torch.randn(30, D, generator=torch.Generator().manual_seed(0)) * 3 + 1
SCALE = torch.tensor([0.5, 1, 2, 3, 4, 5])


def test_layer_norm_has_mean_zero_and_unbiased_deviation_one() -> None:
    y, _, _ = normalize(LayerNorm(), X)
    assert torch.allclose(y.mean(dim=1), torch.zeros(30), atol=1e-6)
    assert torch.allclose(y.std(dim=1), torch.ones(30), atol=1e-4)


def test_constant_norm_has_norm_root_d() -> None:
    y, _, _ = normalize(ConstantNorm(), X)
    assert torch.allclose(y.norm(dim=1), torch.full((30,), math.sqrt(D)), rtol=1e-6)


@pytest.mark.parametrize(
    "rule", [NoNormalization(), ConstantNorm(), Standardize(torch.ones(D), SCALE), LayerNorm(0.0)]
)
def test_dividing_by_the_scale_and_adding_the_shift_undoes_it(rule: InputNormalization) -> None:
    y, shift, scale = normalize(rule, X)
    assert torch.allclose(y / scale + shift, X, rtol=1e-5, atol=1e-5)


def test_a_token_of_zeros_stays_zero() -> None:
    y, _, _ = normalize(ConstantNorm(), torch.zeros(1, D))
    assert torch.equal(y, torch.zeros(1, D))


def test_only_a_scale_that_differs_by_dimension_matters_to_directions() -> None:
    for rule in (NoNormalization(), LayerNorm(), ConstantNorm()):
        assert raw_scale(rule, D) is None
    assert raw_scale(Standardize(torch.ones(D), torch.full((D,), 2.0)), D) is None
    assert torch.equal(raw_scale(Standardize(torch.ones(D), SCALE), D), SCALE)
