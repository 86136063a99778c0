"""Figures of connectors: their weights, how many meet in a latent, how well each is predicted."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from universality.figures.direct_names import name_lines
from universality.figures.style import (
    AXES,
    CONNECTOR_RESULT,
    SERIES,
    plain_axes,
    thin,
)
from universality.figures.withdrawal import drawing
from universality.results import Connection
from universality.validation import Number

_FARTHEST = 1.5
_MAPS = {
    "fvu": ("connector", "#0072B2", "-"),
    "fvu_dense": ("dense map", "#009E73", "-"),
    "fvu_analytic": ("analytic map", "#E69F00", "-"),
    "fvu_permuted": ("source in random order", "#777777", "--"),
}


@drawing(result=CONNECTOR_RESULT, ax=AXES)
def connector_weights(result: Connection, ax: Axes) -> Axes:
    """Standardised weights between the best predicted targets and their strongest sources."""
    weights = result.frames.weights[-1]
    limit = float(np.quantile(np.abs(weights), 0.995)) or float(np.abs(weights).max()) or 1.0
    mesh = ax.pcolormesh(weights, cmap="RdBu", vmin=-limit, vmax=limit)
    mesh.set_gid("weight")
    ax.invert_yaxis()
    ax.set_xlabel(f"source latents ({weights.shape[1]} strongest)")
    ax.set_ylabel(f"target latents ({weights.shape[0]} best predicted)")
    ax.set_xticks([])
    ax.set_yticks([])
    ax.figure.colorbar(mesh, ax=ax, label="standardised weight", shrink=0.8, extend="both")
    return ax


@drawing(result=CONNECTOR_RESULT, ax=AXES)
def weights_over_threshold(result: Connection, ax: Axes) -> Axes:
    """How many weights exceed a threshold, in raw and in standardised units.

    The raw curve moves sideways with the scale of the codes; the standardised one does not.
    """
    for colour, (units, own) in zip(SERIES, result.degrees.groupby("units"), strict=False):
        counts = own.groupby("threshold")["n_weights"].sum()
        ax.plot(counts.index, counts, color=colour, marker=".", label=str(units))
    ax.set_xscale("symlog", linthresh=0.01)
    ax.set_xlim(left=0)
    ax.set_ylim(bottom=0)
    plain_axes(ax, x="threshold of the absolute weight", y="weights above it")
    name_lines(ax)
    return ax


@drawing(result=CONNECTOR_RESULT, ax=AXES, threshold=Number(0))
def connector_degrees(result: Connection, ax: Axes, *, threshold: float = 0.1) -> Axes:
    """Share of latents with at most so many standardised weights above a threshold, both ways."""
    strong = result.edges[result.edges["standardised"].abs() > threshold]
    ends = (
        ("inputs of a target", "target", result.targets),
        ("outputs of a source", "source", result.sources),
    )
    for colour, (name, end, table) in zip(SERIES, ends, strict=False):
        taking_part = table[table["connected"]]
        counts = strong.groupby(end).size().reindex(taking_part[end], fill_value=0)
        values = np.sort(counts.to_numpy())
        shares = (np.arange(values.size) + 1) / values.size
        ax.plot(values, shares, color=colour, label=name)
    ax.set_xscale("symlog", linthresh=10)
    ax.set_xlim(left=-0.5)
    ax.set_ylim(0, 1)
    plain_axes(
        ax, x=f"weights above {threshold:g} (standardised)", y="share of latents with at most these"
    )
    name_lines(ax)
    return ax


@drawing(result=CONNECTOR_RESULT, ax=AXES)
def unexplained_by_latent(result: Connection, ax: Axes) -> Axes:
    """Share of target latents whose variance unexplained stays below a value.

    Where a curve meets the vertical line, what is left above it is predicted no better than by its
    mean. Crosses: the share of all variance together, which can hide that.
    """
    for column, (name, colour, dashes) in _MAPS.items():
        if column not in result.targets:
            continue
        values = _judged(result.targets[column])
        shares = (np.arange(values.size) + 1) / values.size
        ax.plot(values.clip(max=_FARTHEST), shares, color=colour, linestyle=dashes, label=name)
        key = "connector" if column == "fvu" else column.removeprefix("fvu_")
        whole = min(result.summary["fvu"][key]["global"], _FARTHEST)
        ax.plot([whole], [0.0], color=colour, marker="x", clip_on=False, label="_global")
    ax.axvline(1.0, color="#444444", linewidth=thin(), linestyle=":", label="_mean")
    ax.set_xlim(0, _FARTHEST)
    ax.set_ylim(0, 1)
    plain_axes(ax, x="variance unexplained, held out", y="share of target latents below")
    name_lines(ax)
    return ax


def _judged(column: pd.Series) -> np.ndarray:
    return np.sort(column.dropna().to_numpy(dtype=float))
