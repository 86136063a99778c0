"""What "found in k of n runs" says of one run more, how sure that is, and how it was tested."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
import pandas as pd
from jaxtyping import Float64, Int64

from universality.recurrence.certainty.jackknife import jackknife
from universality.recurrence.reappearance.mixture import chance_after, fit_chances
from universality.recurrence.reappearance.recurrence_counts import (
    LeftOut,
    found_counts,
    held_out,
    pooled,
)
from universality.runs.partner_table import PartnerTable

FEWEST = 3
"""Runs from which "found in k of n" says something of a further one."""

FEWEST_TESTED = 4
"""Runs from which there are intervals, and a test on runs that were left out."""

MODEL = (
    "a latent of chance p is found in each other run independently; the chances of a run's latents "
    "follow the distribution, on a grid of 101, that makes the observed numbers of runs most "
    "likely, sought from half of the latents without any counterpart"
)
"""How k of n - 1 is carried to k of n, for summaries."""


@final
@dataclass(frozen=True, eq=False)
class RunForecast:
    """The chance that one more run has a latent, by the number k of runs that have it."""

    n_latents: Int64[np.ndarray, " n_runs"]
    """Latents of base runs found in exactly k runs."""
    chance: Float64[np.ndarray, " n_runs"]
    """Of latents found in k of n runs."""
    low: Float64[np.ndarray, " n_runs"]
    """Lower end of its interval; NaN where there is none."""
    high: Float64[np.ndarray, " n_runs"]
    """Upper end."""
    left_out: Float64[np.ndarray, " n_runs"]
    """Share of those found in k of n - 1 runs that the run left out has; NaN for k = n."""
    tests: pd.DataFrame
    """One row per run left out and k: predicted without it, observed in it, n; empty below four."""

    @property
    def n_runs(self) -> int:
        """Number of runs."""
        return len(self.chance)


def forecast_one_more(edges: PartnerTable) -> RunForecast | None:
    """The forecast from the edges of one rule and threshold; None below three runs or base runs.

    Intervals are delete-one-run jackknives of the chance of k of n, its distribution fitted to the
    other n - 1 runs, cut at 0 and 1. Tests predict each run from the others alone.
    """
    n_runs = edges.n_runs
    if n_runs < FEWEST or not len(edges.complete):
        return None
    counts, tables = found_counts(edges), held_out(edges)
    chance = chance_after(fit_chances(counts[None].astype(np.float64)), n_runs - 1)[0]
    low, high = np.full(n_runs, np.nan), np.full(n_runs, np.nan)
    tests = pd.DataFrame(columns=["held_out_run", "k", "predicted", "observed", "n"])
    if n_runs >= FEWEST_TESTED and all(table.counts.any() for table in tables):
        weights = fit_chances(np.stack([table.counts for table in tables]).astype(np.float64))
        low, high = _interval(chance, chance_after(weights, n_runs - 1))
        tests = _tests(tables, chance_after(weights, n_runs - 2))
    return RunForecast(
        n_latents=counts,
        chance=chance,
        low=low,
        high=high,
        left_out=np.append(pooled(tables), np.nan),
        tests=tests,
    )


def _interval(
    chance: Float64[np.ndarray, " n_runs"], without: Float64[np.ndarray, "n_runs n_runs"]
) -> tuple[np.ndarray, np.ndarray]:
    """`without` has one row for each run that was left out."""
    n_runs = len(chance)

    def of(runs: Sequence[int]) -> np.ndarray:
        left = set(range(n_runs)) - set(runs)
        return without[left.pop()] if left else chance

    ends = [
        (np.nan, np.nan) if one is None else (one.low, one.high) for one in jackknife(of, n_runs)
    ]
    low, high = np.clip(np.array(ends), 0.0, 1.0).T
    return low, high


def _tests(
    tables: Sequence[LeftOut], predicted: Float64[np.ndarray, "n_runs n_counts"]
) -> pd.DataFrame:
    rows = [
        (table.run, k + 1, predicted[i, k], table.found[k] / n, int(n))
        for i, table in enumerate(tables)
        for k, n in enumerate(table.counts)
        if n
    ]
    return pd.DataFrame(rows, columns=["held_out_run", "k", "predicted", "observed", "n"])
