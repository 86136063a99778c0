"""Figures of partners that are optional or several: a price for staying unmatched."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter

from universality.figures.direct_names import name_lines
from universality.figures.style import (
    AXES,
    COLOURS,
    LABELS,
    TWO_RUNS,
    needs,
    plain_axes,
    thin,
)
from universality.figures.two_runs import similarity_name
from universality.figures.withdrawal import drawing
from universality.results import Comparison


@drawing(comparison=TWO_RUNS, ax=AXES)
@needs("the curve over prices (--partial)", lambda result: result.partial is not None)
def partners_against_price(comparison: Comparison, ax: Axes) -> Axes:
    """Share of latents with a partner that is worth the price, at each price of staying unmatched.

    Solid: the one-to-one pairs with the largest sum of (similarity - price). Dotted: pairs of the
    plain assignment above the price. Dashed with a band of two standard deviations of a draw: the
    null.
    """
    assert comparison.partial is not None
    for view, curve in comparison.partial.groupby("view", sort=False):
        colour, x, name = COLOURS[str(view)], curve["price"], LABELS[str(view)]
        ax.plot(x, curve["fraction"], color=colour, label=name)
        plain = ax.plot(x, curve["thresholded_fraction"], color=colour, linestyle=":")[0]
        null = ax.plot(x, curve["null_fraction"], color=colour, linestyle="--", linewidth=thin())[0]
        low, high = (curve["null_fraction"] + sign * 2 * curve["null_sd"] for sign in (-1, 1))
        band = ax.fill_between(
            x, low.clip(0, 1), high.clip(0, 1), color=colour, alpha=0.25, linewidth=0
        )
        plain.set(gid=f"assignment above the price, {name}", label="plain, above the price")
        null.set(gid=f"null, {name}", label="null, ±2 sd")
        band.set_gid(f"null ±2 sd, {name}")
    ax.set_xlim(0, 1)
    ax.set_ylim(0, 1.02)
    ax.yaxis.set_major_formatter(PercentFormatter(1))
    name_lines(ax)
    return plain_axes(
        ax,
        x=f"price of staying unmatched ({similarity_name(comparison)})",
        y="share of latents with a partner",
    )
