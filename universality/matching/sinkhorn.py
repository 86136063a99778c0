"""Entropic optimal transport on few pairs: Sinkhorn's iteration in logarithms.

Every latent of a side has the same mass. The plan has the form
share_ij = exp((s_ij - f_i - g_j) / temperature) on the pairs and is nothing elsewhere; f and g are
found by giving each side its masses in turn (Cuturi 2013, arXiv:1306.0895).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np
from jaxtyping import Float64, Int64

from universality.compute.watch import Watch

_CHECKED_EVERY = 10


@final
@dataclass(frozen=True, eq=False)
class PairsBySide:
    """Distinct pairs in the order of a and then b; every latent of either side has one or more."""

    a: Int64[np.ndarray, " n_edges"]
    """Latent of a."""
    b: Int64[np.ndarray, " n_edges"]
    """Latent of b."""
    similarity: Float64[np.ndarray, " n_edges"]
    """How alike they are."""

    @property
    def starts_a(self) -> Int64[np.ndarray, " n_a"]:
        """Where the pairs of each latent of a begin."""
        return np.flatnonzero(np.diff(self.a, prepend=-1))

    def transposed(self) -> PairsBySide:
        """The same with the sides exchanged."""
        order = np.lexsort((self.a, self.b))
        return PairsBySide(self.b[order], self.a[order], self.similarity[order])


@final
@dataclass(frozen=True, eq=False)
class Scaling:
    """Potentials that make a plan of the pairs."""

    f: Float64[np.ndarray, " n_a"]
    """Potential of each latent of a."""
    g: Float64[np.ndarray, " n_b"]
    """Potential of each latent of b."""
    marginal_error: float
    """How much of all mass is not where it should be on side a, summed; side b is right."""
    n_iterations: int
    """How often each side was given its masses."""


def scale_to_equal_masses(
    pairs: PairsBySide,
    temperature: float,
    start: Float64[np.ndarray, " n_b"],
    *,
    tolerance: float,
    most: int,
    watch: Watch,
) -> Scaling:
    """Potentials that give every latent its mass within the tolerance, or after `most` iterations.

    `start` are potentials of b to begin from. Where a plan with these masses exists on the pairs,
    the iteration converges.
    """
    across, g, error, done = pairs.transposed(), start, np.inf, 0
    while done < most and error > tolerance:
        f = _potentials(pairs, g, temperature)
        g = _potentials(across, f, temperature)
        done += 1
        if done % _CHECKED_EVERY == 0 or done == most:
            mass = np.add.reduceat(shares(pairs, f, g, temperature), pairs.starts_a)
            error = float(np.abs(mass - 1 / mass.size).sum())
            watch.report("transport", misplaced=f"{error:.1e}")
    return Scaling(f, g, error, done)


def shares(
    pairs: PairsBySide,
    f: Float64[np.ndarray, " n_a"],
    g: Float64[np.ndarray, " n_b"],
    temperature: float,
) -> Float64[np.ndarray, " n_edges"]:
    """What share of all mass each pair has under these potentials."""
    return np.asarray(np.exp((pairs.similarity - f[pairs.a] - g[pairs.b]) / temperature))


def _potentials(
    pairs: PairsBySide, of_b: Float64[np.ndarray, " n_b"], temperature: float
) -> Float64[np.ndarray, " n_a"]:
    """Potentials of a under which each latent of a has the same mass."""
    starts = pairs.starts_a
    exponent = (pairs.similarity - of_b[pairs.b]) / temperature
    largest = np.maximum.reduceat(exponent, starts)
    total = np.add.reduceat(np.exp(exponent - largest[pairs.a]), starts)
    return np.asarray(temperature * (largest + np.log(total) + np.log(starts.size)))
