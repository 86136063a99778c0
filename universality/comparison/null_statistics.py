"""The same statistics on runs that have nothing in common: their mean and spread over draws."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import pandas as pd
import torch
from tqdm import tqdm

from universality.comparison.views import Directions, cosines, match_views
from universality.metrics import Statistics, measure
from universality.nulls import isotropic
from universality.nulls.null import find_null


@final
@dataclass(frozen=True, eq=False)
class NullStatistics:
    """Statistics of one null over its draws, or exact where a closed form exists."""

    name: str
    """Name of the null."""
    n_draws: int
    """Number of pairs of runs drawn."""
    mean: Statistics
    """Mean over draws; exact for the isotropic null's greedy averages and shares."""
    sd: Statistics
    """Sample standard deviation of a single draw."""


def draw_null(
    name: str,
    a: Directions,
    b: Directions,
    *,
    thresholds: Sequence[float],
    n_draws: int,
    absolute: bool,
    device: torch.device,
    seed: int,
) -> NullStatistics:
    """Statistics of the null with that name, for runs with the shapes and geometry of a and b."""
    generator = torch.Generator().manual_seed(seed)
    drawn = []
    for _ in tqdm(range(n_draws), desc=f"null: {name}", leave=False, disable=None):
        pair = find_null(name).draw(a, b, generator=generator)
        matches = match_views(cosines(*pair, absolute=absolute, device=device))
        drawn.append(measure(matches, thresholds))
    mean, sd = _mean_and_sd(drawn)
    if name == "isotropic":
        mean = _with_closed_forms(mean, a, b, absolute=absolute)
    return NullStatistics(name=name, n_draws=n_draws, mean=mean, sd=sd)


def _mean_and_sd(drawn: Sequence[Statistics]) -> tuple[Statistics, Statistics]:
    averages = pd.DataFrame([one.averages for one in drawn])
    shares = pd.concat([one.shares for one in drawn], keys=range(len(drawn)))
    by_threshold = shares.groupby(level="threshold", sort=True)
    return (
        Statistics(averages=averages.mean(), shares=by_threshold.mean()),
        Statistics(averages=averages.std(), shares=by_threshold.std()),
    )


def _with_closed_forms(
    drawn: Statistics, a: Directions, b: Directions, *, absolute: bool
) -> Statistics:
    averages, shares = drawn.averages.copy(), drawn.shares.copy()
    for view in a:
        d = a[view].shape[1]
        for rule, candidates in (("greedy_ab", len(b[view])), ("greedy_ba", len(a[view]))):
            averages[view, f"{rule}.mean"] = isotropic.mean_of_maximum(
                d, candidates, absolute=absolute
            )
            shares[view, rule] = [
                isotropic.exceedance(threshold, d, candidates, absolute=absolute)
                for threshold in shares.index
            ]
    return Statistics(averages=averages, shares=shares)
