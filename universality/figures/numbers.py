"""The numbers that a figure shows, read back from what was drawn."""

from __future__ import annotations

from functools import singledispatch
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PathCollection, PolyCollection, QuadMesh
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle, StepPatch, Wedge
from numpy.typing import NDArray

from universality.figures.style import AXES
from universality.validation import takes

COLUMNS = ("series", "mark", "x", "y", "low", "high", "value")
"""Columns of `plotted_numbers`; those that say nothing of a mark are empty."""


@takes(ax=AXES)
def plotted_numbers(ax: Axes) -> pd.DataFrame:
    """One row per drawn point, bar, band position or cell, in drawing order.

    The series is the artist's gid, its label, or that of the bars it belongs to. `x` and `y` are
    data coordinates (row and column of a cell); `low` and `high` are the ends of a bar's base, a
    step or a band; `value` is a cell's number, a wedge's share or a point's colour.
    """
    container_of = {id(bar): box.get_label() for box in ax.containers for bar in box.get_children()}
    rows: list[dict[str, Any]] = []
    for artist in ax.get_children():
        series = artist.get_gid() or container_of.get(id(artist)) or artist.get_label()
        if artist is ax.patch or not artist.get_visible():
            continue
        rows += [{"series": series} | row for row in _rows(artist)]
    return pd.DataFrame(rows, columns=list(COLUMNS)).dropna(axis="columns", how="all")


@singledispatch
def _rows(artist: Artist) -> list[dict[str, Any]]:
    return []


@_rows.register
def _line(artist: Line2D) -> list[dict[str, Any]]:
    x, y = artist.get_data(orig=False)
    points = zip(np.asarray(x).tolist(), np.asarray(y).tolist(), strict=True)
    return [{"mark": "line", "x": x, "y": y} for x, y in points]


@_rows.register
def _points(artist: PathCollection) -> list[dict[str, Any]]:
    offsets = np.asarray(artist.get_offsets())
    colours = artist.get_array()
    values = [None] * len(offsets) if colours is None else np.asarray(colours).tolist()
    return [
        {"mark": "point", "x": x, "y": y, "value": value}
        for (x, y), value in zip(offsets.tolist(), values, strict=True)
    ]


@_rows.register
def _band(artist: PolyCollection) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for path in artist.get_paths():
        vertices = np.asarray(path.vertices)
        n = (len(vertices) - 3) // 2
        low, high = vertices[1 : n + 1], vertices[n + 2 : 2 * n + 2][::-1]
        for (x, bottom), (_, top) in zip(low.tolist(), high.tolist(), strict=True):
            rows.append({"mark": "band", "x": x, "low": bottom, "high": top})
    return rows


@_rows.register
def _bar(artist: Rectangle) -> list[dict[str, Any]]:
    box = artist.get_bbox()
    row = {"mark": "bar", "low": box.x0, "high": box.x1, "y": box.y1}
    return [row | {"x": (box.x0 + box.x1) / 2, "value": box.y1 - box.y0}]


@_rows.register
def _steps(artist: StepPatch) -> list[dict[str, Any]]:
    values, edges, _ = artist.get_data()
    steps = zip(np.asarray(values).tolist(), edges[:-1].tolist(), edges[1:].tolist(), strict=True)
    return [{"mark": "step", "low": low, "high": high, "y": y} for y, low, high in steps]


@_rows.register
def _cells(artist: QuadMesh) -> list[dict[str, Any]]:
    cells: NDArray[np.float64] = np.ma.filled(np.ma.asarray(artist.get_array()), np.nan)
    return [
        {"mark": "cell", "x": column, "y": row, "value": float(value)}
        for (row, column), value in np.ndenumerate(cells)
    ]


@_rows.register
def _ticks(artist: LineCollection) -> list[dict[str, Any]]:
    ends = [end for segment in artist.get_segments() if len(end := np.asarray(segment))]
    return [
        {"mark": "tick", "x": x, "y": y} for end in ends for x, y in [end.mean(axis=0).tolist()]
    ]


@_rows.register
def _wedge(artist: Wedge) -> list[dict[str, Any]]:
    return [{"mark": "wedge", "value": (artist.theta2 - artist.theta1) / 360}]
