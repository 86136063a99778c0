"""One look for every figure: colours that the colour-blind can tell apart, and plain axes."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, ParamSpec

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.lines import Line2D

from universality.errors import InvalidInputError
from universality.results import Comparison, Connection, Investigation, Stability, ToyResult
from universality.results.release_label import Label
from universality.validation import Is, Number, Tuple, either

_P = ParamSpec("_P")

AXES = Is((Axes,), "matplotlib axes")
TABLE = Is((pd.DataFrame,), "a DataFrame")
TWO_RUNS = Is((Comparison,), "a result of two runs")
MANY_RUNS = Is((Stability,), "a result of many runs")
TOY = Is((ToyResult,), "a toy experiment")
ONE_LATENT = Is((Investigation,), "an investigation of one latent")
CONNECTOR_RESULT = Is((Connection,), "a result of `connect`")
LABEL = Is((Label,), "a label of a release")
PAIR = either(Tuple(Number(0, whole=True), 2), None)
"""What figures take."""

COLOURS: Mapping[str, str] = MappingProxyType(
    {
        "decoder": "#0072B2",
        "encoder": "#D55E00",
        "decoder_and_encoder": "#009E73",
        "activations": "#CC79A7",
        "null": "#777777",
    }
)
"""Colour of each view (Okabe and Ito's palette)."""

LABELS: Mapping[str, str] = MappingProxyType(
    {
        "decoder": "decoder",
        "encoder": "encoder",
        "decoder_and_encoder": "decoder and encoder",
        "activations": "activations",
    }
)
"""How each view is called in a legend."""

SERIES = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#777777")
"""Colours of series that are not views, such as models or layers, in order."""

_EDITABLE = {"pdf.fonttype": 42, "svg.fonttype": "none", "svg.hashsalt": "universality"}

STYLES: Mapping[str, dict[Any, Any]] = MappingProxyType(
    {
        "paper": {
            "font.size": 7.5,
            "axes.titlesize": 8,
            "legend.fontsize": 6.5,
            "lines.linewidth": 1.2,
            **_EDITABLE,
        },
        "talk": {
            "font.size": 17,
            "axes.titlesize": 17,
            "legend.fontsize": 13.5,
            "lines.linewidth": 3.4,
            "axes.linewidth": 1.6,
            **_EDITABLE,
        },
    }
)
"""matplotlib's settings for a column of a paper and for a slide; text stays text in the files."""

WIDTHS: Mapping[str, float] = MappingProxyType({"paper": 3.25, "talk": 8.0})
"""Width in inches of each style, where none is asked for."""


def plain_axes(ax: Axes, *, x: str, y: str) -> Axes:
    """The axes with labels, a light grid and no box."""
    ax.set_xlabel(x)
    ax.set_ylabel(y)
    ax.spines[["top", "right"]].set_visible(False)
    ax.grid(color="#DDDDDD", linewidth=0.5)
    ax.set_axisbelow(True)
    return ax


def null_ticks(
    ax: Axes, x: Sequence[float], null: Sequence[float], *, width: float
) -> LineCollection:
    """A line across each bar at the height that the null gives."""
    left, right = ([place + sign * width / 2 for place in x] for sign in (-0.8, 0.8))
    thick = 1.5 * mpl.rcParams["lines.linewidth"]
    return ax.hlines(null, left, right, colors="black", linewidth=thick)


def thin() -> float:
    """Width of lines that stand behind the data, such as nulls, in the style in force."""
    return 0.85 * float(mpl.rcParams["lines.linewidth"])


def dot() -> float:
    """Area of the dots of a scatter in the style in force."""
    return (1.7 * float(mpl.rcParams["lines.linewidth"])) ** 2


def label_ends(ax: Axes, lines: Mapping[str, Line2D], *, gap: float = 0.075) -> None:
    """The name of each line at its right end, in its colour, pushed apart where ends are close.

    Call it when the limits of the axes stand; `gap` is in heights of the axes.
    """
    low, high = ax.get_ylim()
    ends = {name: np.asarray(line.get_ydata(), dtype=float)[-1] for name, line in lines.items()}
    places = {name: (y - low) / (high - low) for name, y in ends.items() if np.isfinite(y)}
    floor = -np.inf
    for name in sorted(places, key=lambda one: places[one]):
        floor = max(places[name], floor + gap)
        x = np.asarray(lines[name].get_xdata(), dtype=float)[-1]
        ax.annotate(
            name,
            (x, low + floor * (high - low)),
            xytext=(4, 0),
            textcoords="offset points",
            color=lines[name].get_color(),
            size="small",
            va="center",
            annotation_clip=False,
        )


WEIGHTS: Mapping[str, float] = MappingProxyType(
    {"decoder": 1.0, "encoder": 1.8, "decoder_and_encoder": 0.7, "activations": 1.0}
)
"""How thick the line of each view is: both views together often lie upon one of them."""


def legend(ax: Axes, **options: Any) -> None:
    """A legend that stays readable over lines and points."""
    ax.legend(**{"framealpha": 0.85, "edgecolor": "none", "borderpad": 0.3} | options)


def legend_above(ax: Axes, *, columns: int, **options: Any) -> None:
    """A legend above the axes, for data that fill them."""
    place = {"loc": "lower left", "bbox_to_anchor": (0, 1), "borderaxespad": 0.2}
    legend(ax, **place | {"ncols": columns, "columnspacing": 1.0, "handlelength": 1.4} | options)


def needs(
    what: str, there: Callable[[Any], bool]
) -> Callable[[Callable[_P, Axes]], Callable[_P, Axes]]:
    """A decorator for a figure that not every result can fill: others are refused, saying why."""

    def decorate(draw: Callable[_P, Axes]) -> Callable[_P, Axes]:
        signature = inspect.signature(draw)

        @functools.wraps(draw)
        def checked(*args: _P.args, **kwargs: _P.kwargs) -> Axes:
            result = next(iter(signature.bind(*args, **kwargs).arguments.values()))
            if not there(result):
                raise InvalidInputError(f"{draw.__name__} needs {what}, which this result lacks")
            return draw(*args, **kwargs)

        return checked

    return decorate
