"""What stands above every figure of a result that a failed check voids."""

from __future__ import annotations

import functools
import inspect
import textwrap
from collections.abc import Callable
from typing import ParamSpec

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from universality.results import withdrawal
from universality.results.release_label import Label
from universality.validation import Constraint, takes

_P = ParamSpec("_P")

_COLOUR = "#B00020"
_CHARACTERS_PER_INCH = 21
_SIZE = 6


def drawing(**table: Constraint) -> Callable[[Callable[_P, Axes]], Callable[_P, Axes]]:
    """A decorator for a function that draws its first argument, a saved result, on `ax`.

    Checks the arguments against the table; where the result is invalid, the reason stands above
    the figure, whoever calls the function.
    """

    def decorate(function: Callable[_P, Axes]) -> Callable[_P, Axes]:
        signature = inspect.signature(function)

        @functools.wraps(function)
        def marked(*args: _P.args, **kwargs: _P.kwargs) -> Axes:
            given = signature.bind(*args, **kwargs).arguments
            result = next(iter(given.values()))
            summary = result.content if isinstance(result, Label) else result.summary
            if text := withdrawal(summary):
                _set_above(given["ax"], text)
            return function(*args, **kwargs)

        return takes(**table)(marked)

    return decorate


def _set_above(ax: Axes, text: str) -> None:
    figure = ax.get_figure(root=True)
    assert isinstance(figure, Figure)
    width = round(_CHARACTERS_PER_INCH * figure.get_figwidth())
    lines = "\n".join(textwrap.wrap(text, width))
    figure.suptitle(lines, color=_COLOUR, fontsize=_SIZE, x=0.01, ha="left")
