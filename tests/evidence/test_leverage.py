"""How few tokens carry a correlation: by hand, by NumPy, and where one token makes it all."""

from __future__ import annotations

import numpy as np
import pytest

from universality.codes import from_batches
from universality.evidence.leverage import leverage

TOKENS = 600


def sparse_codes(n: int, *, seed: int, rate: float = 0.05) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.lognormal(size=(TOKENS, n)) * (rng.random((TOKENS, n)) < rate)


def found(x: np.ndarray, y: np.ndarray, **options: bool):  # type: ignore[no-untyped-def]
    codes = (from_batches([side.astype(np.float64)], side.shape[1]) for side in (x, y))
    every = np.arange(x.shape[1])
    return leverage(*codes, (every, every), **options)


def test_it_is_numpys_correlation_without_the_three_tokens_of_largest_product() -> None:
    x = sparse_codes(12, seed=0)
    y = 0.6 * x + sparse_codes(12, seed=1, rate=0.02)
    for sign in (1, -1):
        result = found(x, sign * y, absolute=True)
        for k in range(12):
            products = (x[:, k] - x[:, k].mean()) * (y[:, k] - y[:, k].mean())
            products[(x[:, k] == 0) | (y[:, k] == 0)] = -np.inf
            kept = np.ones(TOKENS, dtype=bool)
            kept[np.argsort(-products)[:3]] = False
            expected = np.corrcoef(x[kept, k], y[kept, k])[0, 1]
            assert result.without[k] == pytest.approx(expected, abs=1e-6)


def test_one_heavy_token_makes_strangers_correlate_and_is_told() -> None:
    x, y = sparse_codes(20, seed=2), sparse_codes(20, seed=3)
    x[100], y[100] = 300.0, 250.0
    r = np.array([np.corrcoef(x[:, k], y[:, k])[0, 1] for k in range(20)])
    result = found(x, y)
    assert (r > 0.95).all()
    assert (result.carrying == 1).all()
    assert (np.abs(result.without) < 0.3).all()


def test_the_same_feature_loses_nothing_and_is_carried_by_many() -> None:
    x = (sparse_codes(20, seed=4) > 0).astype(float)
    result = found(x, 2 * x)
    assert result.without == pytest.approx(1)
    fires = x.sum(axis=0)
    assert (np.abs(result.carrying - fires / 2) <= 2).all()


def test_the_fewest_tokens_that_carry_half_by_hand() -> None:
    x = np.zeros((TOKENS, 1))
    x[[5, 50, 500], 0] = [3.0, 2.0, 2.0]
    assert found(x, x).carrying.tolist() == [1]
    x[5] = 2.0
    assert found(x, x).carrying.tolist() == [2]


def test_nothing_left_and_nothing_shared() -> None:
    x = np.zeros((TOKENS, 2))
    x[[1, 2], 0] = 1.0
    x[:300, 1] = 1.0
    y = x.copy()
    y[:, 1] = 1 - x[:, 1]
    result = found(x, y)
    assert np.isnan(result.without[0])
    assert result.without[1] == pytest.approx(-1)
    assert result.carrying.tolist() == [2, 0]
