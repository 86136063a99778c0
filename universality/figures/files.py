"""Figures as files: each drawing in the formats asked for, with its numbers beside it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from universality.errors import InvalidInputError
from universality.figures.numbers import plotted_numbers
from universality.figures.style import STYLES, WIDTHS

FORMATS = ("pdf", "png", "svg")
"""File formats a figure can be written in."""

_METADATA: Mapping[str, dict[str, Any]] = MappingProxyType(
    {"pdf": {"CreationDate": None}, "svg": {"Date": None}}
)


def write_figures(
    draws: Mapping[str, Callable[[Axes], Axes]],
    folder: Path,
    *,
    style: str = "paper",
    formats: Sequence[str] = ("png", "pdf"),
    width: float | None = None,
) -> list[Path]:
    """The files of each drawing, named by its key, in a folder that is made if it is missing."""
    folder.mkdir(parents=True, exist_ok=True)
    return [
        file
        for name, draw in draws.items()
        for file in write_figure(draw, folder / name, style=style, formats=formats, width=width)
    ]


def write_figure(
    draw: Callable[[Axes], Axes],
    stem: Path,
    *,
    style: str = "paper",
    formats: Sequence[str] = ("png", "pdf"),
    width: float | None = None,
    aspect: float = 0.8,
) -> list[Path]:
    """The files of what `draw` puts on empty axes, the last of them with the numbers.

    They are `<stem>.<format>` in each format, and `<stem>.csv`. `width` is in inches (by default
    the style's), `aspect` the height over the width. Equal results give equal bytes.

    Raises:
        InvalidInputError: the style or a format is unknown, or the width is no size for a figure.
    """
    _check(style, formats, width)
    inches = width or WIDTHS[style]
    with mpl.rc_context(STYLES[style]):
        figure = Figure(figsize=(inches, inches * aspect), layout="constrained")
        ax = draw(figure.subplots())
        figure.draw_without_rendering()
        figure.set_layout_engine("none")
        files = []
        for name in formats:
            files.append(stem.with_suffix(f".{name}"))
            figure.savefig(files[-1], dpi=200, metadata=_METADATA.get(name))
    numbers = stem.with_suffix(".csv")
    plotted_numbers(ax).to_csv(numbers, index=False)
    return [*files, numbers]


def _check(style: str, formats: Sequence[str], width: float | None) -> None:
    if style not in STYLES:
        raise InvalidInputError(f"--style must be one of {', '.join(STYLES)}, got {style!r}")
    unknown = [name for name in formats if name not in FORMATS]
    if unknown or not formats:
        raise InvalidInputError(
            f"--format takes {', '.join(FORMATS)}, separated by commas; got {', '.join(unknown)!r}"
        )
    if width is not None and not 1 <= width <= 40:
        raise InvalidInputError(f"--width is in inches, from 1 to 40; got {width:g}")
