"""Figures of one comparison as a whole, drawn from its summary and curves."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter

from universality.figures.direct_names import name_bars, name_lines
from universality.figures.style import (
    AXES,
    COLOURS,
    LABELS,
    SERIES,
    TWO_RUNS,
    legend_above,
    needs,
    null_ticks,
    plain_axes,
    thin,
)
from universality.figures.withdrawal import drawing
from universality.results import ACCOUNTED, ALL_VIEWS, GRADES, Comparison, null_name, null_names

_OWN_RUN: dict[str, Any] = {"linestyle": "-.", "linewidth": 0.7}
_RINGS: dict[str, Any] = {
    "marker": "o",
    "markersize": 3,
    "markerfacecolor": "white",
    "markeredgecolor": "black",
    "markeredgewidth": 0.6,
    "linestyle": "none",
}

RULES = {"greedy_ab": "greedy, a to b", "greedy_ba": "greedy, b to a", "assignment": "one to one"}
"""How each matching rule is called in a figure."""

_GRADE_COLOURS = (SERIES[2], SERIES[4], SERIES[3], "#DDDDDD", "#AAAAAA")


@drawing(comparison=TWO_RUNS, ax=AXES)
def share_against_threshold(comparison: Comparison, ax: Axes) -> Axes:
    """Share of one-to-one pairs whose similarity reaches each threshold, beside null and floor.

    Solid: observed. Dashed with a band of two standard deviations of a draw: the null. Dash and
    dot: what other latents of the same run reach, a line for each run.
    """
    curves = comparison.curves[comparison.curves["rule"] == "assignment"]
    policy = comparison.summary["policy"]
    for view, curve in curves.groupby("view", sort=False):
        colour, x, name = COLOURS[str(view)], curve["threshold"], LABELS[str(view)]
        ax.plot(x, curve["fraction"], color=colour, label=name)
        null = ax.plot(x, curve["null_fraction"], color=colour, linestyle="--", linewidth=thin())[0]
        low, high = (curve["null_fraction"] + sign * 2 * curve["null_sd"] for sign in (-1, 1))
        band = ax.fill_between(
            x, low.clip(0, 1), high.clip(0, 1), color=colour, alpha=0.25, linewidth=0
        )
        null.set(gid=f"null, {name}", label=null_label(comparison, str(view), more=", ±2 sd"))
        band.set_gid(f"null ±2 sd, {name}")
        for run in own_runs(curve):
            own = ax.plot(x, curve[f"own_{run}_fraction"], color=colour, **_OWN_RUN)[0]
            own.set(gid=f"own run {run}, {name}", label="latents of one run (a, b)")
    line = ax.axvline(policy["threshold"], color=COLOURS["null"], linestyle=":", linewidth=thin())
    line.set_gid("threshold")
    ax.set_xlim(0, 1)
    ax.set_ylim(0, 1.02)
    ax.yaxis.set_major_formatter(PercentFormatter(1))
    name_lines(ax)
    return plain_axes(
        ax, x=f"threshold ({similarity_name(comparison)})", y="share of matched pairs"
    )


@drawing(comparison=TWO_RUNS, ax=AXES)
def means_beside_null(comparison: Comparison, ax: Axes) -> Axes:
    """Mean similarity of each view by each matching rule, with a tick where the null lies.

    Rings: the mean over the latents of one run, each with another of the same run.
    """
    views = comparison.summary["views"]
    width = 0.8 / len(views)
    for place, (view, found) in enumerate(views.items()):
        means = _means(found)
        x = [i + (place - (len(views) - 1) / 2) * width for i in range(len(RULES))]
        bars = ax.bar(
            x,
            [mean["mean"] for mean in means],
            width * 0.92,
            color=COLOURS[view],
            label=LABELS[view],
        )
        ticks = null_ticks(ax, x, [mean["null_mean"] for mean in means], width=width)
        ticks.set(gid=f"null, {LABELS[view]}", label=f"null ({null_names(comparison.summary)})")
        for run, means_within in _own_means(found).items():
            rings = ax.plot(x, means_within, **_RINGS)[0]
            rings.set_gid(f"own run {run}, {LABELS[view]}")
        ax.bar_label(bars, fmt="%.2f", fontsize="small", padding=1)
    if any(_own_means(found) for found in views.values()):
        ax.plot([], [], **_RINGS, label="latents of one run (a, b)")
    ax.set_xticks(range(len(RULES)), [name.replace(", ", ",\n") for name in RULES.values()])
    ax.set_ylim(0, 1.05)
    name_bars(ax, columns=1)
    plain_axes(ax, x="matching rule", y=f"mean {similarity_name(comparison)}")
    ax.grid(visible=False, axis="x")
    return ax


@drawing(comparison=TWO_RUNS, ax=AXES)
def grades(comparison: Comparison, ax: Axes) -> Axes:
    """What each run's latents are in the other, by each view and by all: counts that were saved.

    See `results.grades.GRADES` for the words; each bar is as long as the run has latents.
    """
    counts = comparison.summary["grades"]
    views = list(counts["a"])
    bars = {
        f"{_view_name(view)}, {side}": counts[side][view] for view in views for side in ("a", "b")
    }
    _stack(ax, bars, dict(zip(GRADES, _GRADE_COLOURS, strict=True)))
    threshold = comparison.summary["policy"]["threshold"]
    return _bars_of_runs(ax, threshold)


@drawing(comparison=TWO_RUNS, ax=AXES)
@needs("an account of every latent (--groups)", lambda result: "account" in result.summary)
def account_of_latents(comparison: Comparison, ax: Axes) -> Axes:
    """What becomes of every latent by directions, groups and subspaces among it: saved counts.

    See `results.grades.ACCOUNTED` for the words; each bar is as long as the run has latents.
    """
    account = comparison.summary["account"]
    bars = {f"{_view_name(view)}, {side}": account[view][side] for view in account for side in "ab"}
    colours = (_GRADE_COLOURS[0], SERIES[0], SERIES[1], *_GRADE_COLOURS[1:])
    _stack(ax, bars, dict(zip(ACCOUNTED, colours, strict=True)))
    return _bars_of_runs(ax, comparison.summary["policy"]["threshold"])


def _stack(ax: Axes, bars: dict[str, dict[str, int]], colours: dict[str, str]) -> None:
    left = np.zeros(len(bars))
    longest = max(sum(count.values()) for count in bars.values())
    for grade, colour in colours.items():
        widths = [count[grade] for count in bars.values()]
        drawn = ax.barh(list(bars), widths, left=left, color=colour, label=grade, height=0.8)
        texts = [f"{width:,}" if width > 0.08 * longest else "" for width in widths]
        ax.bar_label(drawn, texts, label_type="center", fontsize="small", color="black")
        left += widths


def _bars_of_runs(ax: Axes, threshold: float) -> Axes:
    ax.invert_yaxis()
    legend_above(ax, columns=3, handlelength=0.8)
    plain_axes(ax, x=f"latents (same: from {threshold:g} on)", y="view and run")
    ax.grid(visible=False, axis="y")
    return ax


def null_label(comparison: Comparison, view: str, *, more: str = "") -> str:
    """What the dashed line of a view is called."""
    return f"null ({null_name(comparison.summary, view)}){more}"


def own_runs(curves: pd.DataFrame) -> list[str]:
    """The runs whose floor is known: results of version 0.1 have none, nor has a lone latent."""
    names = {run: f"own_{run}_fraction" for run in ("a", "b")}
    return [run for run, name in names.items() if name in curves and curves[name].notna().any()]


def similarity_name(comparison: Comparison) -> str:
    """What the numbers of this comparison are called on an axis."""
    measure = "similarity" if "activations" in comparison.summary["views"] else "cosine"
    return measure if comparison.summary["policy"]["signed"] else f"absolute {measure}"


def _own_means(found: dict[str, Any]) -> dict[str, list[float]]:
    """By run, in the order of the rules."""
    known = {run: own for run, own in found.get("own_run", {}).items() if own is not None}
    return {run: [own["greedy_mean"]] * 2 + [own["mean"]] for run, own in known.items()}


def _means(found: dict[str, Any]) -> list[dict[str, float]]:
    return [found["greedy"]["a_to_b"], found["greedy"]["b_to_a"], found["assignment"]]


def _view_name(view: str) -> str:
    return {ALL_VIEWS: "all", "decoder_and_encoder": "both"}.get(view, view)
