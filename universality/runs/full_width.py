"""Statistics of narrow draws at the full width, and of isotropic ones exactly."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from universality.nulls import isotropic
from universality.nulls.draw_plan import DrawPlan, carry_mean, carry_share, mean_cosine
from universality.runs.metrics import Statistics
from universality.runs.views import BOTH, RowsByView


def _candidates(n_a: int, n_b: int) -> dict[str, int]:
    """Among how many latents each rule finds a partner."""
    return {"greedy_ab": n_b, "greedy_ba": n_a, "assignment": max(n_a, n_b)}


def carried(
    drawn: Statistics, plan: DrawPlan, a: RowsByView, b: RowsByView, *, absolute: bool
) -> Statistics:
    """Means and shares carried to the width of the runs; agreement stays, an upper bound."""
    averages, shares = dict(drawn.averages), dict(drawn.shares)
    narrow = _candidates(plan.n_a, plan.n_b)
    for rule, full in _candidates(plan.full_n_a, plan.full_n_b).items():
        n = (narrow[rule], full)
        for view in a:
            averages[view, f"{rule}.mean"] = carry_mean(
                averages[view, f"{rule}.mean"],
                location=0.0 if absolute else mean_cosine(a[view], b[view]),
                d=a[view].shape[1],
                n=n,
                absolute=absolute,
            )
        for view in (*a, BOTH):
            if (view, rule) in shares:
                shares[view, rule] = carry_share(shares[view, rule], n=n)
    return replace(drawn, averages=averages, shares=shares)


def with_closed_forms(
    drawn: Statistics, a: RowsByView, b: RowsByView, *, absolute: bool
) -> Statistics:
    """Greedy means and shares of the isotropic null exact, where draws have them in the mean."""
    averages, shares = dict(drawn.averages), dict(drawn.shares)
    for view in a:
        d = a[view].shape[1]
        for rule, n in (("greedy_ab", len(b[view])), ("greedy_ba", len(a[view]))):
            averages[view, f"{rule}.mean"] = isotropic.mean_of_maximum(d, n, absolute=absolute)
            exceedance = [
                isotropic.exceedance(threshold, d, n, absolute=absolute)
                for threshold in drawn.thresholds
            ]
            shares[view, rule] = np.array(exceedance)
    return replace(drawn, averages=averages, shares=shares)
