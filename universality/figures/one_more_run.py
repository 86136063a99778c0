"""What many runs say of one run more: were their chances right, and what is still to be found?"""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator, PercentFormatter

from universality.figures.direct_names import name_lines
from universality.figures.style import (
    AXES,
    COLOURS,
    LABELS,
    MANY_RUNS,
    needs,
    plain_axes,
    thin,
)
from universality.figures.withdrawal import drawing
from universality.results import Stability
from universality.validation import TEXT, either

_MOST = 90.0


@drawing(stability=MANY_RUNS, ax=AXES, view=either(TEXT, None))
@needs(
    "four independent runs of one width",
    lambda result: result.left_out is not None and len(result.left_out) > 0,
)
def reappearance_reliability(stability: Stability, ax: Axes, *, view: str | None = None) -> Axes:
    """Chances to come back that n - 1 runs give, against what the run left out has, by k.

    A dot for each k over all runs left out, its area the number of latents; whiskers are the range
    over these runs. By the headline's rule, or the one asked for.
    """
    rule = view or stability.summary["headline_rule"]
    by_k = _by_k(_at_policy(stability, stability.left_out, rule))
    ax.plot([0, 1], [0, 1], color=COLOURS["null"], linewidth=thin(), label="as often as predicted")
    ax.vlines(by_k["predicted"], by_k["low"], by_k["high"], color=COLOURS[rule], linewidth=thin())
    area = 4 + _MOST * by_k["n"] / by_k["n"].max()
    ax.scatter(by_k["predicted"], by_k["observed"], s=area, color=COLOURS[rule], label=LABELS[rule])
    for place, (k, row) in enumerate(by_k.iterrows()):
        right = place % 2 == 0
        ax.annotate(
            f"k = {k} ({row['n']:,.0f})",
            (row["predicted"], row["observed"]),
            textcoords="offset points",
            xytext=(8 if right else -8, 0),
            horizontalalignment="left" if right else "right",
            verticalalignment="center",
            fontsize="small",
        )
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_formatter(PercentFormatter(1))
    ax.set_xlim(-0.02, 1.25)
    ax.set_ylim(-0.02, 1.02)
    ax.set_xticks(np.linspace(0, 1, 6))
    name_lines(ax)
    return plain_axes(ax, x="chance given by the other runs", y="share that the run left out has")


@drawing(stability=MANY_RUNS, ax=AXES)
@needs("independent runs of one width", lambda result: result.census is not None)
def coverage_against_runs(stability: Stability, ax: Axes) -> Axes:
    """Share of one further run's latents that some runs have, by each rule; estimates are dashed.

    Bands are intervals by runs. Dotted: unrelated runs.
    """
    assert stability.census is not None
    for view in dict.fromkeys(stability.census["view"]):
        rows = _at_policy(stability, stability.census, str(view))
        counted = rows[~rows["coverage_estimated"].astype(bool)]
        beyond = rows[rows["n_runs"] >= counted["n_runs"].max()]
        colour = COLOURS[view]
        ax.plot(
            counted["n_runs"],
            counted["coverage"],
            "o-",
            markersize=3,
            color=colour,
            label=LABELS[view],
        )
        ax.plot(beyond["n_runs"], beyond["coverage"], "--", color=colour, label="estimated")
        ax.fill_between(
            rows["n_runs"], rows["coverage_low"], rows["coverage_high"], color=colour, alpha=0.15
        )
        line = ax.plot(rows["n_runs"], rows["null_coverage"], ":", color=colour, linewidth=thin())
        line[0].set(gid=f"null, {LABELS[view]}", label="null")
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.yaxis.set_major_formatter(PercentFormatter(1))
    ax.set_ylim(0, 1.02)
    name_lines(ax, columns=3)
    return plain_axes(ax, x="number of runs", y="share of one more run's latents")


def _at_policy(stability: Stability, table: pd.DataFrame | None, rule: str) -> pd.DataFrame:
    """The rows of a rule at the threshold of the policy; those without one where none is known."""
    assert table is not None
    own = table[table["view"] == rule]
    threshold = stability.summary["policy"].get("threshold")
    at = own["threshold"].isna() if threshold is None else own["threshold"] == threshold
    return own[at]


def _by_k(tests: pd.DataFrame) -> pd.DataFrame:
    """Over the runs that were left out, weighted by latents, with the range over runs."""
    rows = {
        k: {
            "predicted": np.average(some["predicted"], weights=some["n"]),
            "observed": np.average(some["observed"], weights=some["n"]),
            "low": some["observed"].min(),
            "high": some["observed"].max(),
            "n": some["n"].sum(),
        }
        for k, some in tests.groupby("k")
    }
    return pd.DataFrame(rows).T
