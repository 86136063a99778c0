"""The census of one rule and threshold: what any number of runs hold, with intervals and a null."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from universality.recurrence.census.incidence import (
    Incidence,
    coverage,
    incidence,
    lower_bound,
    null_incidence,
    richness,
)
from universality.recurrence.certainty.intervals import FEWEST_RUNS
from universality.recurrence.certainty.jackknife import JackknifeInterval, jackknife
from universality.runs.partner_table import PartnerTable, among

CENSUS_NOTE = (
    "features found in k runs are latents found in k, over runs, divided by k; their number is "
    "bounded from below only where matching makes no error: a missed match makes two features of "
    "one, and unrelated latents make the number of features of one run endless, so that it stands "
    "beside that of unrelated runs; how many features there are is not identified; of 800 planted "
    "features five runs say at least 723, with 30 % of the matches missed 987, with 5 % of latents "
    "that are of no feature 935"
)
"""What must stand beside every census."""


def census_table(edges: PartnerTable, share: float | None) -> pd.DataFrame:
    """One row per number of runs, 1 to 2n: `coverage` and `features` with ends and null.

    Coverage is counted up to n - 1 runs, features up to n; `<name>_estimated` says what is beyond.
    `share` is the chance that a latent of unrelated runs is found in another; None where unknown.
    Empty where no run is matched with every other.
    """
    seen = incidence(edges)
    if seen is None:
        return pd.DataFrame()
    numbers = list(range(1, 2 * seen.n_runs + 1))
    table = pd.DataFrame({"n_runs": numbers})
    null = None if share is None else null_incidence(edges, share)
    for name, statistic, counted in (("coverage", coverage, 1), ("features", richness, 0)):
        of_runs = _over(statistic, numbers)
        table[name] = of_runs(seen)
        table[f"{name}_estimated"] = [m > seen.n_runs - counted for m in numbers]
        ends = _intervals(edges, of_runs)
        table[f"{name}_low"] = [np.nan if one is None else max(0.0, one.low) for one in ends]
        table[f"{name}_high"] = [np.nan if one is None else one.high for one in ends]
        table[f"null_{name}"] = np.nan if null is None else of_runs(null)
    table["coverage_high"] = table["coverage_high"].clip(upper=1.0)
    return table


def census_summary(edges: PartnerTable, share: float | None) -> dict[str, Any]:
    """The census in a few numbers, beside the same of unrelated runs; empty where nobody knows."""
    seen = incidence(edges)
    if seen is None:
        return {}
    null = None if share is None else null_incidence(edges, share)
    bound = _intervals(edges, lambda one: np.array([lower_bound(one)]))[0]
    found: dict[str, Any] = {
        "n_runs": seen.n_runs,
        "n_latents": seen.n_latents,
        "q": [float(number) for number in seen.q],
        "features_seen": seen.n_seen,
        "features_at_least": lower_bound(seen),
        "features_at_least_interval": None if bound is None else [max(0.0, bound.low), bound.high],
        "coverage": coverage(seen, seen.n_runs),
    }
    if null is not None:
        found["null"] = {
            "q": [float(number) for number in null.q],
            "features_seen": null.n_seen,
            "features_at_least": lower_bound(null),
            "coverage": coverage(null, null.n_runs),
        }
    return found


def _over(
    statistic: Callable[[Incidence, int], float], numbers: Sequence[int]
) -> Callable[[Incidence], np.ndarray]:
    return lambda seen: np.array([statistic(seen, m) for m in numbers])


def _intervals(
    edges: PartnerTable, of_runs: Callable[[Incidence], np.ndarray]
) -> tuple[JackknifeInterval | None, ...]:
    """By the delete-one-run jackknife; what n - 1 runs say of the same number of runs."""
    whole = incidence(edges)
    assert whole is not None
    size = len(of_runs(whole))
    if edges.n_runs < FEWEST_RUNS:
        return (None,) * size

    def statistic(runs: Sequence[int]) -> np.ndarray:
        seen = incidence(among(edges, runs))
        return np.full(size, np.nan) if seen is None else of_runs(seen)

    return jackknife(statistic, edges.n_runs)
