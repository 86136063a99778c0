"""What a reader sees named on axes: beside the lines, or in a legend."""

from __future__ import annotations

from matplotlib.axes import Axes


def names_on(ax: Axes) -> set[str]:
    """All names, wherever they stand."""
    legend = ax.get_legend()
    within = [] if legend is None else legend.get_texts()
    return {text.get_text() for text in (*ax.texts, *within)}
