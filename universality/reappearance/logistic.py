"""Logistic regression with a small ridge: few numbers, readable, and the same on every machine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np
from jaxtyping import Float64
from scipy.special import expit

from universality.errors import InvalidInputError
from universality.reappearance.own_covariates import Covariates

RIDGE = 1.0
"""Penalty on half the squared coefficients, in units of one latent's log-likelihood."""

_FAR = 4.0
_STEPS = 50
_SETTLED = 1e-10


@final
@dataclass(frozen=True, eq=False)
class Logistic:
    """The log odds of coming back: an intercept, and for each covariate a line and a parabola."""

    names: tuple[str, ...]
    """The covariates, in the order of the numbers below."""
    mean: Float64[np.ndarray, " n_names"]
    """Mean of each covariate where it was fitted."""
    sd: Float64[np.ndarray, " n_names"]
    """Standard deviation there; z = (value - mean) / sd, held within 4 of 0."""
    intercept: float
    """Log odds at z = 0."""
    linear: Float64[np.ndarray, " n_names"]
    """Change of the log odds by z."""
    square: Float64[np.ndarray, " n_names"]
    """Change of the log odds by z squared."""
    n_trials: int
    """Latents times target runs that it was fitted to."""

    def chances(self, covariates: Covariates) -> Float64[np.ndarray, " n"]:
        """The probability of each latent to be found in one more run."""
        design = _design(covariates, self.names, self.mean, self.sd)
        coefficients = np.concatenate([[self.intercept], self.linear, self.square])
        chances: Float64[np.ndarray, " n"] = expit(design @ coefficients)
        return chances


def fit_logistic(
    covariates: Covariates,
    found: Float64[np.ndarray, " n"],
    trials: Float64[np.ndarray, " n"],
) -> Logistic:
    """The fit to latents of which each was found in `found` of `trials` runs.

    Newton's steps on the penalised likelihood, which is concave: one optimum. The intercept is not
    penalised; a covariate that does not vary gets coefficients of 0.

    Raises:
        InvalidInputError: no latent was found, or every one.
    """
    names = tuple(covariates)
    values = np.stack([covariates[name] for name in names], axis=1)
    if not 0 < found.sum() < trials.sum():
        raise InvalidInputError(
            f"{found.sum():.0f} of {trials.sum():.0f} latents were found again: nothing tells "
            "those that come back from those that do not; choose another --threshold"
        )
    mean, sd = values.mean(axis=0), values.std(axis=0)
    sd = np.where(sd > 1e-9 * (1 + np.abs(mean)), sd, 1.0)
    design = _design(covariates, names, mean, sd)
    coefficients = _newton(design, found, trials)
    n = len(names)
    return Logistic(
        names=names,
        mean=mean,
        sd=sd,
        intercept=float(coefficients[0]),
        linear=coefficients[1 : n + 1],
        square=coefficients[n + 1 :],
        n_trials=int(trials.sum()),
    )


def _design(
    covariates: Covariates,
    names: tuple[str, ...],
    mean: Float64[np.ndarray, " n_names"],
    sd: Float64[np.ndarray, " n_names"],
) -> Float64[np.ndarray, "n n_columns"]:
    values = np.stack([covariates[name] for name in names], axis=1)
    z = np.clip((values - mean) / sd, -_FAR, _FAR)
    return np.concatenate([np.ones((len(z), 1)), z, z**2], axis=1)


def _newton(
    design: Float64[np.ndarray, "n n_columns"],
    found: Float64[np.ndarray, " n"],
    trials: Float64[np.ndarray, " n"],
) -> Float64[np.ndarray, " n_columns"]:
    penalty = np.full(design.shape[1], RIDGE)
    penalty[0] = 0.0
    coefficients = np.zeros(design.shape[1])
    rate = found.sum() / trials.sum()
    coefficients[0] = np.log(rate / (1 - rate))
    value = _penalised(design, found, trials, penalty, coefficients)
    for _ in range(_STEPS):
        chances = expit(design @ coefficients)
        slope = design.T @ (found - trials * chances) - penalty * coefficients
        weight = trials * chances * (1 - chances)
        step = np.linalg.solve((design.T * weight) @ design + np.diag(penalty + 1e-12), slope)
        size = 1.0
        while (
            ahead := _penalised(design, found, trials, penalty, coefficients + size * step)
        ) < value and size > _SETTLED:
            size /= 2
        coefficients, gained, value = coefficients + size * step, ahead - value, ahead
        if gained < _SETTLED * (1 + abs(value)):
            break
    return coefficients


def _penalised(
    design: Float64[np.ndarray, "n n_columns"],
    found: Float64[np.ndarray, " n"],
    trials: Float64[np.ndarray, " n"],
    penalty: Float64[np.ndarray, " n_columns"],
    coefficients: Float64[np.ndarray, " n_columns"],
) -> float:
    odds = design @ coefficients
    likelihood = found @ odds - trials @ np.logaddexp(0.0, odds)
    return float(likelihood - 0.5 * penalty @ coefficients**2)
