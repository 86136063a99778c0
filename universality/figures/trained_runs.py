"""Figures of trained runs: reconstruction against sparsity, and both along training."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from matplotlib.axes import Axes

from universality.errors import InvalidInputError
from universality.figures.direct_names import name_lines
from universality.figures.style import AXES, SERIES, plain_axes
from universality.results.trained import TrainedRuns
from universality.validation import Is, takes

TRAINED = Is((TrainedRuns,), "trained runs")
_MARKERS = "osD^vP*X<>"
_MOST_LINES = 12


@takes(result=TRAINED, ax=AXES)
def fvu_against_l0(result: TrainedRuns, ax: Axes) -> Axes:
    """A point per run: active latents per token, and the variance it leaves unexplained.

    Lower and further left is better. A colour per architecture, a marker per width; on held-out
    tokens where they were kept.
    """
    widths = sorted(result.cells["d_sae"].unique())
    kinds = list(dict.fromkeys(result.cells["architecture"]))
    for (kind, width), runs in result.cells.groupby(["architecture", "d_sae"], sort=False):
        several = f", {width:,} latents" if len(widths) > 1 else ""
        ax.plot(
            runs["l0"], runs["fvu"], linestyle="", markersize=4, label=f"{kind}{several}",
            marker=_MARKERS[widths.index(width) % len(_MARKERS)],
            color=SERIES[kinds.index(kind) % len(SERIES)],
        )  # fmt: skip
    ax.set_xscale("log")
    ax.set_ylim(bottom=0)
    name_lines(ax)
    return plain_axes(ax, x="active latents per token (L0)", y="fraction of variance unexplained")


@takes(result=TRAINED, ax=AXES)
def fvu_over_training(result: TrainedRuns, ax: Axes) -> Axes:
    """Variance unexplained on the batches as they were trained on; at most twelve runs."""
    for number, (cell, points) in enumerate(result.curves.groupby("cell", sort=False)):
        if number < _MOST_LINES:
            ax.plot(
                points["n_tokens"] / 1e6, points["fvu"], label=str(cell),
                color=SERIES[number % len(SERIES)], alpha=0.5 + 0.5 * (number < len(SERIES)),
            )  # fmt: skip
    ax.set_ylim(bottom=0)
    name_lines(ax)
    return plain_axes(ax, x="tokens shown (millions)", y="fraction of variance unexplained")


@takes(result=TRAINED, ax=AXES)
def agreement_over_training(result: TrainedRuns, ax: Axes) -> Axes:
    """How far runs of different seeds agree, against tokens shown.

    Mean similarity of the decoder rows assigned one to one, at the checkpoints that both saved. A
    flat reconstruction error is not a flat agreement.

    Raises:
        InvalidInputError: no two runs differ in their seed alone.
    """
    if result.agreement is None or not len(result.agreement):
        raise InvalidInputError("no two of these runs differ in their seed alone")
    for number, ((a, b), points) in enumerate(result.agreement.groupby(["a", "b"], sort=False)):
        if number < _MOST_LINES:
            ax.plot(
                points["n_tokens"] / 1e6, points["mean_similarity"], marker="o", markersize=3,
                label=f"{a}, {b}", color=SERIES[number % len(SERIES)],
            )  # fmt: skip
    ax.set_ylim(0, 1)
    name_lines(ax)
    return plain_axes(ax, x="tokens shown (millions)", y="mean similarity between seeds")


def training_figures_of(result: TrainedRuns) -> dict[str, Callable[[Axes], Axes]]:
    """Every figure that these runs can fill, by name."""
    draws: list[Callable[[TrainedRuns, Axes], Axes]] = [fvu_against_l0, fvu_over_training]
    if result.agreement is not None and len(result.agreement):
        draws.append(agreement_over_training)
    return {draw.__name__: partial(draw, result) for draw in draws}
