"""Scores of probabilities: against counting, and what they call right and wrong."""

from __future__ import annotations

import numpy as np
import pytest

from universality.reappearance.reliability import reliability


def _outcomes(chances: np.ndarray, seed: int) -> np.ndarray:
    return (np.random.default_rng(seed).random(len(chances)) < chances).astype(float)


def test_the_scores_are_counted() -> None:
    chances = np.array([0.1, 0.4, 0.4, 0.8, 0.9])
    again = np.array([0.0, 0.0, 1.0, 1.0, 0.0])
    found = reliability(chances, again)
    pairs = [
        (p, q)
        for p, y in zip(chances, again, strict=True)
        if y
        for q, z in zip(chances, again, strict=True)
        if not z
    ]
    assert found.auc == pytest.approx(np.mean([(p > q) + 0.5 * (p == q) for p, q in pairs]))
    assert found.brier == pytest.approx(((chances - again) ** 2).mean())
    assert found.brier_constant == pytest.approx(0.4 * 0.6)
    shared_out = np.array([0.0, 0.5, 0.5, 1.0, 0.0])
    assert found.calibration_error == pytest.approx(np.abs(chances - shared_out).mean())
    assert found.bins["n"].tolist() == [1, 1, 1, 1, 1]


@pytest.mark.parametrize(("n", "luck"), [(2304, 0.019), (576, 0.037)])
def test_a_perfect_forecast_has_the_error_that_luck_gives(n: int, luck: float) -> None:
    generator = np.random.default_rng(0)
    chances = generator.beta(0.8, 1.8, n)
    found = [reliability(chances, _outcomes(chances, seed)) for seed in range(20)]
    assert found[0].expected_error == pytest.approx(luck, abs=0.006)
    excess = np.array([one.excess_error for one in found])
    assert abs(excess.mean()) < 3 * excess.std(ddof=1) / np.sqrt(20)


def test_a_forecast_that_is_too_sure_is_found_out_though_its_order_is_right() -> None:
    chances = np.random.default_rng(1).beta(2, 2, 3_000)
    sure = chances**3 / (chances**3 + (1 - chances) ** 3)
    found = reliability(sure, _outcomes(chances, 2))
    right = reliability(chances, _outcomes(chances, 2))
    assert found.auc == pytest.approx(right.auc)
    assert found.excess_error > 0.1 > right.excess_error


def test_a_forecast_of_one_right_value_has_no_error() -> None:
    again = np.array([1.0] * 30 + [0.0] * 70)
    assert reliability(np.full(100, 0.3), again).calibration_error == pytest.approx(0)


def test_where_all_come_back_nothing_is_told_apart() -> None:
    assert np.isnan(reliability(np.array([0.2, 0.9]), np.ones(2)).auc)
