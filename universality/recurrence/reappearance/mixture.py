"""Latents differ in their chance to be found: a distribution of chances, fitted without a form.

A latent of chance p is found in x of m other runs by a binomial law; the chances of the latents of
a run follow any distribution on a grid. The fitted distribution says what x of m means for one run
more. A beta distribution in its place (the beta-binomial) is right where chances follow one, and
wrong by up to .15 where latents are of two kinds (`analysis/planted_reappearance.py`).
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float64
from scipy.special import binom

from universality.errors import InvalidInputError

_CHANCES = np.linspace(0.0, 1.0, 101)
_STEPS = 1_000
_FEWEST_OTHERS = 2


def fit_chances(
    counts: Float64[np.ndarray, "n_tables n_counts"],
) -> Float64[np.ndarray, "n_tables n_chances"]:
    """For each table of latents found in 0, 1, ... m others, the weights of 101 chances.

    A thousand steps of expectation maximisation. What the counts do not decide stays near the
    start: half of the latents never found again; among the others each chance as often as it is
    high, since of features with all chances alike a run has those of high chance more often.

    Raises:
        InvalidInputError: m is below 2: one other run tells the mean chance and nothing else.
    """
    m = counts.shape[1] - 1
    if m < _FEWEST_OTHERS:
        raise InvalidInputError(f"chances need at least three runs to be told apart, got {m + 1}")
    law = _law(m)
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    start = np.where(_CHANCES == 0, 1.0, _CHANCES / _CHANCES.sum()) / 2
    weights = np.tile(start, (len(counts), 1))
    for _ in range(_STEPS):
        weights = weights * ((share / (weights @ law.T)) @ law)
        weights /= np.maximum(weights.sum(axis=1, keepdims=True), 1e-300)
    return np.asarray(weights)


def chance_after(
    weights: Float64[np.ndarray, "n_tables n_chances"], m: int
) -> Float64[np.ndarray, "n_tables n_counts"]:
    """The chance that one further run has a latent found in 0, 1, ... m of m others."""
    joint = weights[:, None, :] * _law(m)
    total = joint.sum(axis=2)
    return np.asarray(np.where(total > 0, joint @ _CHANCES / np.maximum(total, 1e-300), np.nan))


def _law(m: int) -> Float64[np.ndarray, "n_counts n_chances"]:
    k = np.arange(m + 1)[:, None]
    return np.asarray(binom(m, k) * _CHANCES**k * (1 - _CHANCES) ** (m - k))
