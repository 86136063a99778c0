"""One look for every figure: colours that the colour-blind can tell apart, and plain axes."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from matplotlib.axes import Axes

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


def plain(ax: Axes, *, x: str, y: str) -> Axes:
    """The axes with labels, a light grid and no box."""
    ax.set_xlabel(x)
    ax.set_ylabel(y)
    ax.spines[["top", "right"]].set_visible(False)
    ax.grid(color="#DDDDDD", linewidth=0.5)
    ax.set_axisbelow(True)
    return ax


def legend(ax: Axes, **options: Any) -> None:
    """A small legend that stays readable over lines and points."""
    ax.legend(fontsize="small", framealpha=0.85, edgecolor="none", **options)
