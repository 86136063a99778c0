"""Figures as files: each drawing in the formats asked for, with its numbers beside it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from string import ascii_lowercase
from types import MappingProxyType
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text

from universality.figures.backend import only_settings
from universality.figures.numbers import plotted_numbers
from universality.figures.style import STYLES, WIDTHS
from universality.validation import (
    CALLABLE,
    PATH,
    Mapped,
    Number,
    OneOf,
    Several,
    as_tuple,
    either,
    takes,
)

FORMATS = ("pdf", "png", "svg")
"""File formats a figure can be written in."""

_OPTIONS = {"style": "--style", "formats": "--format", "width": "--width"}
_ASPECT = Number(0.05, 20)

_METADATA: Mapping[str, dict[str, Any]] = MappingProxyType(
    {"pdf": {"CreationDate": None}, "svg": {"Date": None}}
)


@takes(
    _OPTIONS,
    draws=Mapped(CALLABLE),
    folder=PATH,
    style=OneOf(tuple(STYLES)),
    formats=Several(OneOf(FORMATS)),
    width=either(Number(1, 40, unit="inches"), None),
)
def write_figures(
    draws: Mapping[str, Callable[[Axes], Axes]],
    folder: str | Path,
    *,
    style: str = "paper",
    formats: Sequence[str] = ("png", "pdf"),
    width: float | None = None,
) -> list[Path]:
    """The files of each drawing, named by its key, in a folder that is made if it is missing."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    return [
        file
        for name, draw in draws.items()
        for file in write_figure(draw, folder / name, style=style, formats=formats, width=width)
    ]


@takes(
    _OPTIONS,
    draw=CALLABLE,
    stem=PATH,
    style=OneOf(tuple(STYLES)),
    formats=Several(OneOf(FORMATS)),
    width=either(Number(1, 40, unit="inches"), None),
    aspect=_ASPECT,
)
def write_figure(
    draw: Callable[[Axes], Axes],
    stem: str | Path,
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
    stem, formats = Path(stem), as_tuple(formats)
    inches = width or WIDTHS[style]
    with only_settings(STYLES[style]):
        figure = Figure(figsize=(inches, inches * aspect), layout="constrained")
        ax = draw(figure.subplots())
        files = _save(figure, stem, formats)
    return [*files, _write_numbers(plotted_numbers(ax), stem)]


@takes(
    _OPTIONS,
    draws=Mapped(CALLABLE),
    stem=PATH,
    columns=Number(1, whole=True),
    style=OneOf(tuple(STYLES)),
    formats=Several(OneOf(FORMATS)),
    width=either(Number(1, 40, unit="inches"), None),
    aspect=_ASPECT,
)
def write_panels(
    draws: Mapping[str, Callable[[Axes], Axes]],
    stem: str | Path,
    *,
    columns: int,
    style: str = "paper",
    formats: Sequence[str] = ("png", "pdf"),
    width: float | None = None,
    aspect: float = 0.8,
) -> list[Path]:
    """The files of several drawings side by side, lettered in their order, and their numbers.

    `width` is that of the whole, by default the style's for each of the `columns`; `aspect` is that
    of one panel. The table of numbers says by key of `draws` which panel each is in.

    Raises:
        InvalidInputError: as `write_figure`.
    """
    stem, formats = Path(stem), as_tuple(formats)
    inches = width or columns * WIDTHS[style]
    rows = -(-len(draws) // columns)
    tables = []
    with only_settings(STYLES[style]):
        size = (inches, inches / columns * aspect * rows)
        figure = Figure(figsize=size, layout="constrained")
        places = figure.subplots(rows, columns, squeeze=False).flat
        for ax in places[len(draws) :]:
            ax.set_visible(False)
        for letter, (name, draw), ax in zip(ascii_lowercase, draws.items(), places, strict=False):
            draw(ax)
            ax.annotate(letter, (-0.16, 1.03), xycoords="axes fraction", weight="bold")
            tables.append(plotted_numbers(ax).assign(panel=name))
        files = _save(figure, stem, formats)
    return [*files, _write_numbers(pd.concat(tables, ignore_index=True), stem)]


def _save(figure: Figure, stem: Path, formats: Sequence[str]) -> list[Path]:
    for text in figure.findobj(Text):
        if "$" in text.get_text():  # the name of a run, or a token: no formula
            text.set_parse_math(False)
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    files = [stem.with_name(f"{stem.name}.{name}") for name in formats]
    for file, name in zip(files, formats, strict=True):
        figure.savefig(file, dpi=200, metadata=_METADATA.get(name))
    return files


def _write_numbers(numbers: pd.DataFrame, stem: Path) -> Path:
    file = stem.with_name(f"{stem.name}.csv")
    numbers.to_csv(file, index=False)
    return file
