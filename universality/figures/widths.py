"""Figures of the ladder of widths, drawn from the saved summary and flow."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from types import MappingProxyType

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from universality.figures.direct_names import name_lines
from universality.figures.style import (
    AXES,
    MANY_RUNS,
    SERIES,
    needs,
    plain_axes,
)
from universality.figures.withdrawal import drawing
from universality.results import Stability

_WAYS = MappingProxyType({"narrow_to_wide": "narrow to wide", "wide_to_narrow": "wide to narrow"})
_SOURCES = ("same", "split", "none", "nothing")
_TARGETS = ("same", "refined", "merged", "novel", "none", "nothing")
_COLOURS = MappingProxyType(
    {
        "same": "#009E73",
        "split": "#56B4E9",
        "refined": "#56B4E9",
        "merged": "#CC79A7",
        "novel": "#E69F00",
        "none": "#999999",
        "nothing": "#DDDDDD",
    }
)
_BAR = 0.03
_STEP = 2.05
_GAP = 0.07
_LONGEST_TITLE = 60


@drawing(stability=MANY_RUNS, ax=AXES)
@needs("runs of several widths", lambda result: result.widths is not None)
def width_ladder(stability: Stability, ax: Axes) -> Axes:
    """Mean nearest similarity from narrow to wide and back, at each step, with the null of each."""
    steps = stability.summary["widths"]
    places = list(range(len(steps)))
    for (way, label), colour in zip(_WAYS.items(), SERIES, strict=False):
        found = [step["greedy"][way] for step in steps]
        means = [one["mean"] for one in found]
        ax.plot(places, means, "o-", markersize=4, color=colour, label=label)
        nulls = [one["null_mean"] for one in found]
        null = ax.plot(places, nulls, "x--", markersize=4, color=colour, linewidth=1)[0]
        null.set(gid=f"null, {label}", label="null")
    ax.set_xticks(places, [f"{step['n_narrow']:,} to {step['n_wide']:,}" for step in steps])
    ax.set_xlim(-0.5, len(steps) - 0.5)
    ax.set_ylim(0, 1.02)
    name_lines(ax, columns=3)
    return plain_axes(ax, x="latents of the narrow and of the wide run", y="mean nearest cosine")


@drawing(stability=MANY_RUNS, ax=AXES)
@needs("runs of several widths", lambda result: result.widths is not None)
def width_flow(stability: Stability, ax: Axes) -> Axes:
    """The latents of each wide run, by the grade of the narrow latent that each comes from.

    One band of ribbons for each step, as thick as their share of the wide run. How many narrow
    latents are found in none is written below.
    """
    assert stability.widths is not None
    steps = stability.widths.flow.groupby(["narrow", "wide"], sort=False)
    for number, ((narrow, wide), flow) in enumerate(steps):
        top = -number * _STEP
        lost = int(flow.loc[flow["target"] == "nothing", "n_latents"].sum())
        found = flow[flow["target"] != "nothing"]
        _ribbons(found, ax, top=top)
        title = textwrap.shorten(f"{narrow} to {wide}", _LONGEST_TITLE, placeholder=" …")
        ax.text(0.5, top + 0.2, title, ha="center", va="bottom")
        total = int(found["n_latents"].sum())
        ax.text(-0.02, top + 0.05, "from narrow latents", ha="right", va="bottom", size="small")
        ax.text(1.02, top + 0.05, f"wide: {total:,} latents", ha="left", va="bottom", size="small")
        note = f"{lost:,} narrow latents are found in none"
        bars = max(found[side].nunique() for side in ("source", "target"))
        below = top - 1 - (bars - 1) * _GAP - 0.05
        ax.text(0.5, below, note, ha="center", va="top", size="small")
    ax.set_xlim(-0.45, 1.55)
    ax.set_ylim(-(len(steps) - 1) * _STEP - 1.15 - _GAP * len(_TARGETS), 0.4)
    ax.set_axis_off()
    return ax


def _ribbons(flow: pd.DataFrame, ax: Axes, *, top: float) -> None:
    total = int(flow["n_latents"].sum())
    left = _stack(flow, "source", _SOURCES, ax, top=top, x=0.0)
    right = _stack(flow, "target", _TARGETS, ax, top=top, x=1.0)
    bend = np.linspace(0, 1, 41)
    rise = bend**2 * (3 - 2 * bend)
    ordered = flow.assign(
        place=flow["target"].map(_TARGETS.index), start=flow["source"].map(_SOURCES.index)
    ).sort_values(["start", "place"])
    for source, target, n in ordered[["source", "target", "n_latents"]].itertuples(index=False):
        thick = n / total
        y = left[source] + (right[target] - left[source]) * rise
        band = ax.fill_between(
            _BAR + bend * (1 - 2 * _BAR), y - thick, y, color=_COLOURS[target], alpha=0.45, lw=0
        )
        band.set_gid(f"{source} to {target}: {n}")
        left[source] -= thick
        right[target] -= thick


def _stack(
    flow: pd.DataFrame, side: str, names: Sequence[str], ax: Axes, *, top: float, x: float
) -> dict[str, float]:
    """The upper edge of each bar of a side, drawn from the top down with its name and number."""
    counts = {str(name): int(n) for name, n in flow.groupby(side)["n_latents"].sum().items()}
    total, upper = sum(counts.values()), top
    edges = {}
    for name in (name for name in names if counts.get(name)):
        height = counts[name] / total
        edges[name] = upper
        bar = ax.bar(
            x + _BAR / 2 if x == 0 else x - _BAR / 2,
            height,
            _BAR,
            bottom=upper - height,
            color=_COLOURS[name],
        )
        bar.set_label(f"_{side} {name}")
        ax.text(
            x - 0.02 if x == 0 else x + 0.02,
            upper - height / 2,
            f"{'of ' if x == 0 else ''}{name} {counts[name]:,}",
            ha="right" if x == 0 else "left",
            va="center",
        )
        upper -= height + _GAP
    return edges
