"""A figure of a label: what every rule gives, beside its chance and the floors."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes

from universality.errors import InvalidInputError
from universality.figures.style import AXES, COLOURS, LABEL, SERIES, legend_above, plain_axes, thin
from universality.figures.withdrawal import drawing
from universality.results.release_label import CEILINGS, Label

_MARKERS = "o^sDvPX"
_HALF = 0.22


@drawing(label=LABEL, ax=AXES)
def rules_beside_floors(label: Label, ax: Axes) -> Axes:
    """A bar for each number that a rule gives of the runs, and what else reaches how far.

    Black tick with a band of two standard deviations of a draw: the rule's own chance. Filled
    marks: floors, which a claim must beat. Hollow: what runs reach that share their start.

    Raises:
        InvalidInputError: no rule of the label has a number.
    """
    rows = [*label.numbers.values()]
    if not rows:
        raise InvalidInputError("no rule of this label has a number: nothing to draw")
    places = np.arange(len(rows))[::-1].astype(float)
    ax.barh(
        places, [row["value"] for row in rows], height=2 * _HALF, color="#A8CBE5", label="the runs"
    )
    known = [(y, row) for y, row in zip(places, rows, strict=True) if row["null_mean"] is not None]
    for y, row in known:
        low, high = (row["null_mean"] + sign * 2 * (row["null_sd"] or 0) for sign in (-1, 1))
        band = ax.fill_betweenx(
            [y - _HALF, y + _HALF], low, high, color=COLOURS["null"], alpha=0.3, linewidth=0
        )
        band.set_gid("chance ±2 sd")
    ticks = ax.vlines(
        [row["null_mean"] for _, row in known],
        [y - _HALF for y, _ in known],
        [y + _HALF for y, _ in known],
        colors="black",
        linewidth=1.5 * thin(),
    )
    ticks.set_label("chance, ±2 sd")
    for number, floor in enumerate(dict.fromkeys(name for row in rows for name in row["floors"])):
        _draw_floor(ax, floor, number, places, [row["floors"].get(floor) for row in rows])
    for y, row in zip(places, rows, strict=True):
        said = f"{row['rule']}, {row['quantity']}"
        ax.annotate(
            said, (0, y + _HALF), xytext=(1, 1), textcoords="offset points", fontsize="small"
        )
    ax.set_yticks([])
    ax.set_ylim(-0.5, len(rows) - 0.3)
    legend_above(ax, columns=2)
    return plain_axes(ax, x="share, mean cosine or correlation", y="")


def _draw_floor(
    ax: Axes, floor: str, number: int, places: np.ndarray, values: list[float | None]
) -> None:
    shown = [(v, y) for v, y in zip(values, places, strict=True) if v is not None]
    colour = SERIES[1:][number % len(SERIES[1:])]
    ax.plot(
        [v for v, _ in shown],
        [y for _, y in shown],
        linestyle="",
        marker=_MARKERS[number % len(_MARKERS)],
        color=colour,
        markeredgecolor=colour if floor in CEILINGS else "white",
        markeredgewidth=0.8 if floor in CEILINGS else 0.4,
        markerfacecolor="white" if floor in CEILINGS else colour,
        markersize=4.5,
        clip_on=False,
        label=floor.replace("_", " "),
    )
