"""How sure a number over many runs is, when the runs and not the pairs are independent."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
import pandas as pd
from jaxtyping import Float64, Int64
from scipy.special import stdtrit

CONFIDENCE = 0.95
"""Level of every interval."""


@final
@dataclass(frozen=True)
class JackknifeInterval:
    """An estimate with its jackknife interval, t(N-1) at 95 %."""

    estimate: float
    """The statistic over all runs."""
    standard_error: float
    """Delete-one-run jackknife standard error."""
    low: float
    """Lower end."""
    high: float
    """Upper end."""


@final
@dataclass(frozen=True)
class Outlier:
    """The run whose pairs differ most from the others, and how surprising that is."""

    run: int
    """Number of the run."""
    difference: float
    """Mean over its pairs minus mean over the pairs without it."""
    p_value: float
    """Probability of so extreme a run when values are dealt to pairs at random; corrected for
    having looked at every run."""


def jackknife(
    statistic: Callable[[Sequence[int]], Float64[np.ndarray, " n_statistics"]], n_runs: int
) -> tuple[JackknifeInterval | None, ...]:
    """Intervals of statistics whose meaning does not change when one run is left out.

    `statistic` takes the numbers of the runs that stay. None where the statistic does not exist on
    N - 1 runs. Conservative for statistics of pairs and triples whose pairs vary beyond what their
    runs explain. Source: Arvesen 1969, jackknifing U-statistics.
    """
    runs = range(n_runs)
    estimate = statistic(list(runs))
    left_out = np.stack([statistic([run for run in runs if run != out]) for out in runs])
    spread = ((left_out - left_out.mean(axis=0)) ** 2).sum(axis=0)
    errors = np.sqrt((n_runs - 1) / n_runs * spread)
    reach = stdtrit(n_runs - 1, (1 + CONFIDENCE) / 2) * errors
    return tuple(
        JackknifeInterval(float(e), float(s), float(e - r), float(e + r))
        if np.isfinite(e + s)
        else None
        for e, s, r in zip(estimate, errors, reach, strict=True)
    )


def jackknife_mean(table: pd.DataFrame, n_runs: int) -> JackknifeInterval | None:
    """The interval of the mean `value` of a table of pairs or triples of runs."""
    sides = table[[side for side in ("a", "b", "c") if side in table]].to_numpy()
    values = table["value"].to_numpy(dtype=np.float64)

    def mean_among(runs: Sequence[int]) -> Float64[np.ndarray, " 1"]:
        stays = np.isin(np.arange(n_runs), runs)
        known = values[stays[sides].all(axis=1) & ~np.isnan(values)]
        return np.array([known.mean() if known.size else np.nan])

    return jackknife(mean_among, n_runs)[0]


def find_outlier(
    table: pd.DataFrame,
    n_runs: int,
    *,
    generator: np.random.Generator,
    n_permutations: int = 9_999,
) -> Outlier | None:
    """The run whose pairs stand out most in a table of pairs; None with fewer than four runs.

    The values are dealt to the pairs anew in every permutation, and the largest difference over
    runs is compared.
    """
    if n_runs < 4 or table.empty:
        return None
    touches = np.stack([(table[["a", "b"]] == run).any(axis="columns") for run in range(n_runs)])
    values = table["value"].to_numpy()
    differences = _differences(touches, values[None])[0]
    run = int(np.nanargmax(np.abs(differences)))
    dealt = generator.permuted(np.tile(values, (n_permutations, 1)), axis=1)
    largest = np.nanmax(np.abs(_differences(touches, dealt)), axis=1)
    as_extreme = int((largest >= abs(differences[run]) - 1e-12).sum())
    return Outlier(run, float(differences[run]), (1 + as_extreme) / (1 + n_permutations))


def _differences(
    touches: Int64[np.ndarray, "n_runs n_pairs"] | np.ndarray,
    values: Float64[np.ndarray, "n_draws n_pairs"],
) -> Float64[np.ndarray, "n_draws n_runs"]:
    own, total = values @ touches.T, values.sum(axis=1, keepdims=True)
    n_own = touches.sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(own / n_own - (total - own) / (touches.shape[1] - n_own))
