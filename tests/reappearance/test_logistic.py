"""The fit: its optimum, what it recovers, and what it refuses."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import approx_fprime
from scipy.special import expit

from universality.errors import InvalidInputError
from universality.reappearance.logistic import RIDGE, Logistic, fit_logistic


def _world(n: int, seed: int = 0) -> tuple[dict[str, np.ndarray], np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    covariates = {"line": generator.normal(3, 2, n), "bow": generator.normal(0, 1, n)}
    odds = -0.5 + 0.8 * (covariates["line"] - 3) / 2 - 0.6 * covariates["bow"] ** 2
    trials = generator.integers(1, 4, n).astype(float)
    return covariates, generator.binomial(trials.astype(int), expit(odds)).astype(float), trials


def test_it_recovers_what_was_planted() -> None:
    covariates, found, trials = _world(40_000)
    model = fit_logistic(covariates, found, trials)
    truth = expit(-0.5 + 0.4 * (covariates["line"] - 3) - 0.6 * covariates["bow"] ** 2)
    inside = (np.abs(covariates["bow"]) < 2) & (np.abs(covariates["line"] - 3) < 4)
    assert np.abs(model.chances(covariates) - truth)[inside].max() < 0.03
    assert model.n_trials == int(trials.sum())


def test_no_slope_is_left_at_the_optimum() -> None:
    covariates, found, trials = _world(500)
    model = fit_logistic(covariates, found, trials)

    def loss(coefficients: np.ndarray) -> float:
        other = Logistic(
            model.names,
            model.mean,
            model.sd,
            coefficients[0],
            coefficients[1:3],
            coefficients[3:],
            0,
        )
        p = other.chances(covariates)
        likelihood = found @ np.log(p) + (trials - found) @ np.log1p(-p)
        return float(RIDGE / 2 * (coefficients[1:] ** 2).sum() - likelihood)

    best = np.concatenate([[model.intercept], model.linear, model.square])
    assert np.abs(approx_fprime(best, loss, 1e-6)).max() < 0.01


def test_what_lies_far_outside_counts_as_four_deviations() -> None:
    covariates, found, trials = _world(500)
    model = fit_logistic(covariates, found, trials)
    far = {"line": np.array([1e9, 3 + 100.0]), "bow": np.zeros(2)}
    first, second = model.chances(far)
    assert first == second


def test_a_covariate_that_never_varies_says_nothing() -> None:
    covariates, found, trials = _world(500)
    flat = fit_logistic(covariates | {"flat": np.full(500, 7.0)}, found, trials)
    assert flat.linear[2] == pytest.approx(0)
    assert flat.chances(covariates | {"flat": np.full(500, 7.0)}) == pytest.approx(
        fit_logistic(covariates, found, trials).chances(covariates), abs=1e-6
    )


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_where_all_or_none_come_back_there_is_nothing_to_fit(share: float) -> None:
    with pytest.raises(InvalidInputError, match="choose another --threshold"):
        fit_logistic({"x": np.arange(5.0)}, np.full(5, share), np.ones(5))
