"""Figures of many runs, drawn from their saved summary and pairs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator, PercentFormatter

from universality.figures.direct_names import name_bars, name_lines
from universality.figures.from_tables import run_matrix
from universality.figures.style import (
    AXES,
    COLOURS,
    LABELS,
    MANY_RUNS,
    WEIGHTS,
    label_ends,
    needs,
    null_ticks,
    plain_axes,
)
from universality.figures.withdrawal import drawing
from universality.results import Stability
from universality.validation import TEXT, either

_EDGES = "runs with similarities, or two views of assignments"
_LARGE = 0.02
_NOUNS = {"decoder": "decoder rows", "encoder": "encoder rows", "activations": "activations"}
_LINES = ("-", "--", ":", "-.")


def _says(key: str, *inner: str) -> Callable[[Stability], bool]:
    """Whether the summary has something under a key, and in it under others."""
    return lambda stability: (
        bool(stability.summary.get(key)) and all(name in stability.summary[key] for name in inner)
    )


@drawing(stability=MANY_RUNS, ax=AXES)
@needs(
    "runs with similarities, or two views of assignments",
    lambda result: bool(result.summary["spectrum"]),
)
def spectrum(stability: Stability, ax: Axes) -> Axes:
    """Fraction of a run's latents found in exactly k of the runs, by each rule, with the null."""
    series = {view: _at_threshold(stability, rows) for view, rows in _spectra(stability).items()}
    width = 0.8 / len(series)
    for place, (view, rows) in enumerate(series.items()):
        x = [row["k"] + (place - (len(series) - 1) / 2) * width for row in rows]
        heights = [row["fraction"] for row in rows]
        ax.bar(x, heights, width * 0.92, color=COLOURS[view], label=LABELS[view])
        null = [row.get("null", np.nan) for row in rows]
        ticks = null_ticks(ax, x, null, width=width)
        ticks.set(gid=f"null, {LABELS[view]}", label="null")
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.yaxis.set_major_formatter(PercentFormatter(1))
    name_bars(ax)
    plain_axes(ax, x="number of runs that have the latent", y="share of a run's latents")
    ax.grid(visible=False, axis="x")
    return ax


@drawing(stability=MANY_RUNS, ax=AXES)
@needs(
    "runs with similarities, or two views of assignments",
    lambda result: bool(result.summary["only_in_one_by_view"]),
)
def only_in_one(stability: Stability, ax: Axes) -> Axes:
    """Fraction of latents found in one run only, against how many runs are compared."""
    lines = {}
    for view, rows in stability.summary["only_in_one_by_view"].items():
        n_runs = [row["n_runs"] for row in rows]
        fractions = [row["fraction"] for row in rows]
        lines[LABELS[view]] = _line(ax, view, n_runs, fractions)
        null = [row.get("null", np.nan) for row in rows]
        line = ax.plot(n_runs, null, "--", color=COLOURS[view], linewidth=1)[0]
        line.set(gid=f"null, {LABELS[view]}", label="null")
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.yaxis.set_major_formatter(PercentFormatter(1))
    ax.set_ylim(0, 1.02)
    label_ends(ax, lines)
    name_lines(ax, but=list(lines))
    return plain_axes(ax, x="number of runs compared", y="share in one run only")


@drawing(stability=MANY_RUNS, ax=AXES, view=either(TEXT, None))
def pair_matrix(stability: Stability, ax: Axes, *, view: str | None = None) -> Axes:
    """Mean similarity of matched latents for every pair of runs (agreement, without weights).

    In the first view that knows it, or the one asked for: cosines, or correlations of activations.
    """
    pairs = stability.pairs
    view = view or next(iter(views_with_means(stability)), None)
    column = "mean" if view else "agreement"
    some = pairs[(pairs["view"] == view) if view else pairs[column].notna()]
    both = pd.concat([some, some.rename(columns={"a": "b", "b": "a"})])
    matrix = both.pivot_table(index="a", columns="b", values=column, dropna=False)
    names = sorted(set(matrix.index) | set(matrix.columns))
    kind = "correlation of" if view == "activations" else "cosine of"
    name = f"mean {kind} {_NOUNS[view]}" if view else "decoder/encoder agreement"
    decimals = 2 if np.ptp(some[column]) >= _LARGE else 4
    null = stability.summary.get("over_pairs", {}).get(view, {}).get("mean", {}).get("null")
    if null is not None:
        ax.set_title(f"null of the equally wide runs: {null:.2f}", loc="left")
    square = matrix.reindex(index=names, columns=names)
    return run_matrix(square, ax, name=name, decimals=decimals, low=null)


@drawing(stability=MANY_RUNS, ax=AXES)
@needs("how often latents fire", _says("stability_by", "frequency"))
def stability_against_frequency(stability: Stability, ax: Axes) -> Axes:
    """Mean stability of latents in ten classes of firing frequency, by each rule, with the null."""
    _stability_against(stability, ax, "frequency")
    ax.set_xscale("log")
    ax.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    ax.xaxis.set_major_formatter(PercentFormatter(1, decimals=None))
    ax.xaxis.set_minor_locator(NullLocator())
    return plain_axes(ax, x="firing frequency (share of tokens)", y="mean stability")


@drawing(stability=MANY_RUNS, ax=AXES)
@needs(
    "decoder norms that differ",
    _says("stability_by", "decoder_norm"),
)
def stability_against_norm(stability: Stability, ax: Axes) -> Axes:
    """Mean stability of latents in ten classes of decoder norm, by each rule, with the null."""
    _stability_against(stability, ax, "decoder_norm")
    return plain_axes(ax, x="decoder norm", y="mean stability")


@drawing(stability=MANY_RUNS, ax=AXES)
@needs("runs of several training steps", _says("grid"))
def consistency_over_steps(stability: Stability, ax: Axes) -> Axes:
    """Mean similarity of the pairs of seeds of one width, by view, against the training step."""
    cells = [cell for cell in stability.summary["grid"] if cell["step"] is not None]
    widths = sorted({cell["d_sae"] for cell in cells})
    for view in dict.fromkeys(view for cell in cells for view in cell["views"]):
        for width, style in zip(widths, _LINES * len(widths), strict=False):
            points = [
                (cell["step"], cell["views"][view]["mean"])
                for cell in cells
                if cell["d_sae"] == width and "mean" in cell["views"].get(view, {})
            ]
            if points:
                x, y = zip(*sorted(points), strict=True)
                name = LABELS[view] if len(widths) == 1 else f"{LABELS[view]}, {width:,} latents"
                ax.plot(x, y, f"o{style}", markersize=3, color=COLOURS[view], label=name)
    ax.set_ylim(0, 1.02)
    name_lines(ax)
    return plain_axes(ax, x="training step", y="mean similarity of seeds")


def _stability_against(stability: Stability, ax: Axes, covariate: str) -> None:
    lines = {}
    for view, found in stability.summary["stability_by"][covariate].items():
        x = [one["median"] for one in found["classes"]]
        y = [one["mean_stability"] for one in found["classes"]]
        lines[LABELS[view]] = _line(ax, view, x, y)
        null = [found.get("null", np.nan)] * len(x)
        line = ax.plot(x, null, "--", color=COLOURS[view], linewidth=1)[0]
        line.set(gid=f"null, {LABELS[view]}", label="null")
    ax.set_ylim(0, 1.02)
    label_ends(ax, lines)
    name_lines(ax, but=list(lines))


def _line(ax: Axes, view: str, x: Sequence[float | int], y: Sequence[float]) -> Line2D:
    """Views that lie upon each other are seen through their weights."""
    width = WEIGHTS[view] * float(mpl.rcParams["lines.linewidth"])
    size = 2.5 + 2 * WEIGHTS[view]
    (line,) = ax.plot(x, y, "o-", color=COLOURS[view], label=LABELS[view])
    line.set(linewidth=width, markersize=size)
    return line


def views_with_means(stability: Stability) -> list[str]:
    """The views in which the mean similarity of pairs of runs is known, in their order."""
    if "mean" not in stability.pairs:
        return []
    known = stability.pairs.loc[stability.pairs["mean"].notna(), "view"]
    return [str(view) for view in known.unique()]


def _spectra(stability: Stability) -> dict[str, list[dict[str, Any]]]:
    return dict(stability.summary["spectrum"])


def _at_threshold(stability: Stability, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    wanted = stability.summary.get("policy", {}).get("threshold")
    thresholds = {row["threshold"] for row in rows}
    if None in thresholds or wanted is None:
        return [row for row in rows if row["threshold"] == rows[0]["threshold"]]
    nearest = min(thresholds, key=lambda threshold: abs(threshold - wanted))
    return [row for row in rows if row["threshold"] == nearest]
