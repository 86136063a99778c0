"""Figures of many comparisons at once, drawn from tables that a study saved."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from universality.figures.direct_names import name_bars, name_lines
from universality.figures.style import (
    AXES,
    SERIES,
    TABLE,
    null_ticks,
    plain_axes,
    thin,
)
from universality.validation import FLAG, TEXT, Is, Number, either, takes

_LINE = 12
"""Characters in a line of a run's name."""
_MOST_NUMBERED = 12


@takes(
    matrix=TABLE,
    ax=AXES,
    name=TEXT,
    cluster=FLAG,
    decimals=Number(0, whole=True),
    low=either(Number(), None),
)
def run_matrix(
    matrix: pd.DataFrame,
    ax: Axes,
    *,
    name: str,
    cluster: bool = True,
    decimals: int = 2,
    low: float | None = None,
) -> Axes:
    """Annotated heatmap of a similarity of every run with every run.

    Rows and columns are runs, in the order of an average-linkage clustering of the mean of both
    directions unless `cluster` is off; `name` says what the numbers are, and `low` where the
    colours begin, such as at a null. Missing pairs stay empty, and cells of more than 12 runs have
    no number. The diagonal, a run with itself, is left out of the colours.
    """
    order = _clustered(matrix) if cluster and len(matrix) > 2 else list(matrix.index)
    shown = matrix.loc[order, order].to_numpy(dtype=float)
    off_diagonal = np.where(np.eye(len(shown), dtype=bool), np.nan, shown)
    mesh = ax.pcolormesh(off_diagonal, cmap="cividis", edgecolors="white", linewidth=0.5)
    mesh.set_gid(name)
    if low is not None:
        mesh.set_clim(vmin=min(low, float(np.nanmin(off_diagonal))))
    least, high = mesh.get_clim()
    numbered = len(shown) <= _MOST_NUMBERED
    for (row, column), value in np.ndenumerate(off_diagonal):
        if numbered and not np.isnan(value):
            dark = value < (least + high) / 2
            text = f"{value:.{decimals}f}".replace("0.", ".", 1)
            colour = "white" if dark else "black"
            ax.text(
                column + 0.5, row + 0.5, text, ha="center", va="center", size="small", color=colour
            )
    _label_cells(ax, order)
    if cluster and len(matrix) > 2:
        ax.set_xlabel("runs in the order of their likeness", size="small")
    ax.figure.colorbar(mesh, ax=ax, label=name, shrink=0.8)
    return ax


@takes(table=TABLE, ax=AXES, x=TEXT, group=TEXT, y=TEXT, null=either(TEXT, None))
def grouped_bars(
    table: pd.DataFrame, ax: Axes, *, x: str, group: str, y: str, null: str | None = None
) -> Axes:
    """Bars of the column `y` over `x`, one colour per `group`, with a tick at the column `null`."""
    places = list(dict.fromkeys(table[x]))
    groups = list(dict.fromkeys(table[group]))
    width = 0.8 / len(groups)
    for i, (one, colour) in enumerate(zip(groups, _colours(len(groups)), strict=True)):
        rows = table[table[group] == one]
        at = [places.index(value) + (i - (len(groups) - 1) / 2) * width for value in rows[x]]
        ax.bar(at, rows[y], width * 0.92, color=colour, label=str(one))
        if null is not None:
            ticks = null_ticks(ax, at, rows[null].tolist(), width=width)
            ticks.set(gid=f"null, {one}", label="null")
    ax.set_xticks(range(len(places)), [str(place) for place in places])
    name_bars(ax, columns=3)
    plain_axes(ax, x=x, y=y)
    ax.grid(visible=False, axis="x")
    return ax


@takes(table=TABLE, ax=AXES, name=TEXT)
def similarity_against_ratio(table: pd.DataFrame, ax: Axes, *, name: str = "mean cosine") -> Axes:
    """Mean similarity against the ratio of widths, in both directions, each with its null.

    The table has the columns `ratio` (wide over narrow), `direction`, `value`, `null_value`.
    """
    directions = list(dict.fromkeys(table["direction"]))
    for direction, colour in zip(directions, _colours(len(directions)), strict=True):
        rows = table[table["direction"] == direction].sort_values("ratio")
        ax.plot(rows["ratio"], rows["value"], "o-", markersize=3, color=colour, label=direction)
        null = ax.plot(rows["ratio"], rows["null_value"], "--", color=colour, linewidth=thin())[0]
        null.set(gid=f"null, {direction}", label="null")
    ratios = sorted(set(table["ratio"]))
    ax.set_xscale("log", base=2)
    ax.set_xticks(ratios, [f"{ratio:g}" for ratio in ratios])
    ax.minorticks_off()
    ax.set_ylim(bottom=0)
    name_lines(ax, columns=3)
    return plain_axes(ax, x="width ratio (wide / narrow)", y=name)


@takes(
    frequency=Is((pd.Series,), "a column of a DataFrame"),
    ax=AXES,
    label=TEXT,
    least=Number(0, 1, above=True),
)
def frequency_histogram(
    frequency: pd.Series, ax: Axes, *, label: str = "", least: float = 1e-7
) -> Axes:
    """Histogram of firing frequencies over log-spaced bins, with the silent latents' number.

    The bins are eighths of a decade from `least`, a power of ten, to 1.
    """
    fires = frequency[frequency > 0]
    n_bins = round(-8 * np.log10(least))
    ax.hist(
        fires,
        np.geomspace(least, 1, n_bins + 1).tolist(),
        color=SERIES[0],
        label=label or "latents",
    )
    silent = f"{len(frequency) - len(fires):,} of {len(frequency):,}\nnever fire"
    ax.text(0.03, 0.96, silent, transform=ax.transAxes, va="top", size="small")
    ax.set_xscale("log")
    ax.set_xlim(least, 1)
    if label:
        ax.set_title(label)
    return plain_axes(ax, x="firing frequency (share of tokens)", y="latents")


def _clustered(matrix: pd.DataFrame) -> list[object]:
    values = matrix.to_numpy(dtype=float)
    directions = np.stack([values, values.T])
    known = np.maximum(np.isfinite(directions).sum(axis=0), 1)
    both = np.nan_to_num(directions).sum(axis=0) / known
    distance = both.max() - both
    np.fill_diagonal(distance, 0)
    from scipy.cluster.hierarchy import leaves_list, linkage  # which no other figure needs
    from scipy.spatial.distance import squareform

    condensed = squareform(distance, checks=False)
    leaves = leaves_list(linkage(condensed, "average", optimal_ordering=True))
    return [matrix.index[int(leaf)] for leaf in leaves]


def _label_cells(ax: Axes, names: Sequence[object]) -> None:
    centres = np.arange(len(names)) + 0.5
    labels = _labels([str(name) for name in names])
    if len(names) <= _MOST_NUMBERED:
        ax.set_xticks(centres, labels, rotation=90)
        ax.set_yticks(centres, labels)
    else:
        ax.set_xticks(centres, labels, rotation=90, size="xx-small")
        ax.set_yticks(centres, labels, size="xx-small")
    ax.tick_params(length=0)
    ax.invert_yaxis()
    ax.spines[:].set_visible(False)


def _labels(names: list[str]) -> list[str]:
    """Names that fit beside a figure: folded at a dash, or if too long without their beginning."""
    return [
        _folded(name if len(name) <= 2 * _LINE else f"…{name[1 - 2 * _LINE :]}") for name in names
    ]


def _folded(name: str) -> str:
    if len(name) <= _LINE:
        return name
    cut = max(name.rfind(mark, 0, _LINE) for mark in "-_. /") + 1 or _LINE
    return f"{name[:cut]}\n{name[cut:]}"


def _colours(n: int) -> list[str]:
    return [SERIES[i % len(SERIES)] for i in range(n)]
