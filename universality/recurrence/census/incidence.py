"""Distinct features by the number of runs that have them, without putting latents into families."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import final

import numpy as np
from jaxtyping import Float64

from universality.recurrence.families.spectrum import null_spectrum
from universality.recurrence.reappearance.recurrence_counts import found_counts
from universality.runs.partner_table import PartnerTable


@final
@dataclass(frozen=True, eq=False)
class Incidence:
    """Features that are found in exactly k of n runs.

    A feature found in k runs is a latent of k runs, so there are as many as latents found in k,
    summed over runs, divided by k.
    """

    q: Float64[np.ndarray, " n_runs"]
    """Features found in exactly 1, 2, ... n runs."""

    @property
    def n_runs(self) -> int:
        """Number of runs."""
        return len(self.q)

    @property
    def n_latents(self) -> float:
        """Latents of all runs together."""
        return float(self.q @ np.arange(1, self.n_runs + 1))

    @property
    def n_seen(self) -> float:
        """Distinct features found in any run."""
        return float(self.q.sum())

    @property
    def q1(self) -> float:
        """Features of one run alone."""
        return float(self.q[0])

    @property
    def q2(self) -> float:
        """Features of exactly two runs; 0 where there is one run."""
        return float(self.q[1]) if self.n_runs > 1 else 0.0


def incidence(edges: PartnerTable) -> Incidence | None:
    """The features behind the edges of one rule and threshold; None where no run is complete.

    Runs that miss a pair cannot say in how many runs their latents are: those that are matched with
    every other stand for them.
    """
    if not len(edges.complete):
        return None
    counts = found_counts(edges)
    return _from_spectrum(counts / max(1, counts.sum()), _n_latents(edges))


def null_incidence(edges: PartnerTable, share: float) -> Incidence:
    """The same of unrelated runs, in each of which a latent is found with this probability."""
    return _from_spectrum(null_spectrum(share, edges.n_runs), _n_latents(edges))


def _n_latents(edges: PartnerTable) -> float:
    sizes = [int(edges.alive[edges.rows(run)].sum()) for run in range(edges.n_runs)]
    return float(np.sum(sizes))


def _from_spectrum(spectrum: Float64[np.ndarray, " n_runs"], n_latents: float) -> Incidence:
    return Incidence(n_latents * spectrum / np.arange(1, len(spectrum) + 1))


def lower_bound(seen: Incidence) -> float:
    """Chao2: at least so many distinct features exist, where matching makes no error.

    Those seen, and (n - 1)/n Q1^2 / (2 Q2) that no run has; Q1 (Q1 - 1)/2 in place of Q1^2 / (2 Q2)
    where no feature is found in exactly two. Source: Chao 1987, doi:10.2307/2531532.
    """
    return seen.n_seen + _unseen(seen)


def coverage(seen: Incidence, m: int) -> float:
    """Share of a further run's latents that m runs have, in [0, 1]; m = 0 gives 0.

    Up to m = n - 1 the exact average over subsets of the runs, which is 1 minus `only_in_one` of
    m + 1; beyond, the Good-Turing estimate and its extrapolation.
    Source: Chao and Jost 2012, doi:10.1890/11-1952.1.
    """
    n, k = seen.n_runs, np.arange(1, seen.n_runs + 1)
    if m < n:
        missed = np.array([math.comb(n - i, m) / math.comb(n - 1, m) for i in k.tolist()])
        return float(1 - (k * seen.q * missed).sum() / max(seen.n_latents, 1e-300))
    alone = seen.q1 / max(seen.n_latents, 1e-300)
    pairs = (n - 1) * seen.q1 + 2 * seen.q2
    again = (n - 1) * seen.q1 / pairs if pairs > 0 else 0.0
    return float(1 - alone * again ** (m - n + 1))


def richness(seen: Incidence, m: int) -> float:
    """Distinct features in m runs: up to n their exact average over subsets, beyond extrapolated.

    The extrapolation rises to `lower_bound`. Source: Chao et al. 2014, doi:10.1890/13-0133.1.
    """
    n = seen.n_runs
    if m <= n:
        missed = [math.comb(n - k, m) / math.comb(n, m) for k in range(1, n + 1)]
        return float(seen.q @ (1 - np.array(missed)))
    unseen = _unseen(seen)
    if unseen <= 0:
        return seen.n_seen
    rate = seen.q1 / (n * unseen + seen.q1)
    return float(seen.n_seen + unseen * (1 - (1 - rate) ** (m - n)))


def _unseen(seen: Incidence) -> float:
    n = seen.n_runs
    if seen.q2 > 0:
        return (n - 1) / n * seen.q1**2 / (2 * seen.q2)
    return (n - 1) / n * max(0.0, seen.q1 * (seen.q1 - 1) / 2)
