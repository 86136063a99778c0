"""What stands above every figure of a result that a failed check voids."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Mapping
from functools import wraps

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from universality.results import SavedResult, withdrawal

_COLOUR = "#B00020"
_CHARACTERS_PER_INCH = 21
_SIZE = 6


def withdrawn_figures(
    result: SavedResult, draws: Mapping[str, Callable[[Axes], Axes]]
) -> dict[str, Callable[[Axes], Axes]]:
    """The drawings, the reason above each where the result is invalid."""
    text = withdrawal(result.summary)
    return {name: _below(draw, text) if text else draw for name, draw in draws.items()}


def _below(draw: Callable[[Axes], Axes], text: str) -> Callable[[Axes], Axes]:
    @wraps(draw)
    def drawn(ax: Axes) -> Axes:
        figure = ax.get_figure(root=True)
        assert isinstance(figure, Figure)
        width = round(_CHARACTERS_PER_INCH * figure.get_figwidth())
        lines = "\n".join(textwrap.wrap(text, width))
        figure.suptitle(lines, color=_COLOUR, fontsize=_SIZE, x=0.01, ha="left")
        return draw(ax)

    return drawn
