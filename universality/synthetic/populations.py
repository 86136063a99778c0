"""Runs drawn from a known population of features, as who is whose partner, without weights.

Each run has each feature with that feature's own probability. Matching may miss pairs; features may
be split over two latents of a run; latents may be of no feature at all.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import final

import numpy as np
from jaxtyping import Float64, Int64


@final
@dataclass(frozen=True)
class Flaws:
    """What stands between features and latents that are matched."""

    missed: float = 0.0
    """Probability that two latents of one feature are not matched, for each pair of runs."""
    split: float = 0.0
    """Probability that a feature of a run is two latents there; one of the two is matched, either
    with equal chance."""
    unrelated: int = 0
    """Latents of each run that are of no feature."""
    coincidence: float = 0.0
    """Probability that a latent of no feature is matched to one of another run all the same."""


@final
@dataclass(frozen=True, eq=False)
class DrawnRuns:
    """Some runs and the pairs of latents that matching finds among them."""

    feature: tuple[Int64[np.ndarray, " _"], ...]
    """Of each run, the feature of each latent; -1 for none."""
    pairs: Mapping[tuple[int, int], tuple[Int64[np.ndarray, " _"], Int64[np.ndarray, " _"]]]
    """By two runs, the lower first: latents of the one and their partners in the other."""


def draw_population(
    chances: Float64[np.ndarray, " n_features"],
    n_runs: int,
    *,
    generator: np.random.Generator,
    flaws: Flaws | None = None,
) -> DrawnRuns:
    """Runs that have each feature with its chance, independently, and their matched pairs."""
    flaws = flaws or Flaws()
    feature = tuple(_latents(chances, flaws, generator) for _ in range(n_runs))
    pairs = {
        (i, j): _pairs(feature[i], feature[j], len(chances), flaws, generator)
        for i, j in combinations(range(n_runs), 2)
    }
    return DrawnRuns(feature, pairs)


def _latents(
    chances: Float64[np.ndarray, " n_features"], flaws: Flaws, generator: np.random.Generator
) -> Int64[np.ndarray, " d_sae"]:
    present = np.flatnonzero(generator.random(len(chances)) < chances)
    split = present[generator.random(len(present)) < flaws.split]
    return np.concatenate([present, split, np.full(flaws.unrelated, -1)]).astype(np.int64)


def _pairs(
    a: Int64[np.ndarray, " d_sae_a"],
    b: Int64[np.ndarray, " d_sae_b"],
    n_features: int,
    flaws: Flaws,
    generator: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    of_a, of_b = (_one_latent(latents, n_features, generator) for latents in (a, b))
    both = np.flatnonzero((of_a >= 0) & (of_b >= 0))
    both = both[generator.random(len(both)) >= flaws.missed]
    nobody_a, nobody_b = (generator.permutation(np.flatnonzero(latents < 0)) for latents in (a, b))
    alike = np.flatnonzero(generator.random(flaws.unrelated) < flaws.coincidence)
    return (
        np.concatenate([of_a[both], nobody_a[alike]]),
        np.concatenate([of_b[both], nobody_b[alike]]),
    )


def _one_latent(
    latents: Int64[np.ndarray, " d_sae"], n_features: int, generator: np.random.Generator
) -> Int64[np.ndarray, " n_features"]:
    """A latent of each feature, any of those that it is split over; -1 for none."""
    order = generator.permutation(np.flatnonzero(latents >= 0))
    found = np.full(n_features, -1, dtype=np.int64)
    found[latents[order]] = order
    return found
