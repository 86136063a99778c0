"""Figures of the two latents of one pair, from what the comparison kept of it."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes

from universality.errors import InvalidInputError
from universality.figures.style import COLOURS, dot, legend_above, plain
from universality.results import Comparison


def activation_scatter(
    comparison: Comparison, ax: Axes, *, pair: tuple[int, int] | None = None
) -> Axes:
    """Activation of one latent against its partner's, a point per token where either fires.

    By default the pair in the middle of those kept, from the most alike to the least.

    Raises:
        InvalidInputError: the comparison has no activations, or kept nothing of this pair.
    """
    row = _row(comparison.pair_activations, pair, "activations; compare with --activations DIR")
    label = f"{len(row['codes_a']):,} of {row['n_either']:,} tokens where either fires"
    colour = COLOURS["activations"]
    return _drawn(ax, row, "codes", name="activation", colour=colour, label=label)


def logit_scatter(comparison: Comparison, ax: Axes, *, pair: tuple[int, int] | None = None) -> Axes:
    """Logit weight of one latent against its partner's, a point per token of the vocabulary.

    The tokens are those that either raises or lowers most, and an even part of the others. Pairs
    as `activation_scatter`.

    Raises:
        InvalidInputError: the comparison has no unembedding, or kept nothing of this pair.
    """
    row = _row(comparison.pair_logits, pair, "logit weights; compare with --unembedding MODEL")
    label = f"tokens (correlation over the vocabulary {row['correlation']:.2f})"
    colour = COLOURS["decoder"]
    return _drawn(ax, row, "weights", name="logit weight", colour=colour, label=label)


def _row(table: pd.DataFrame | None, pair: tuple[int, int] | None, missing: str) -> pd.Series:
    if table is None or table.empty:
        raise InvalidInputError(f"this result has no {missing}")
    if pair is None:
        return table.iloc[len(table) // 2]
    found = table[(table["a"] == pair[0]) & (table["b"] == pair[1])]
    if found.empty:
        raise InvalidInputError(
            f"--pair {pair[0]},{pair[1]}: nothing was kept of this pair; kept are assigned pairs "
            f"such as {table['a'].iloc[0]},{table['b'].iloc[0]} (latent of a, latent of b)"
        )
    return found.iloc[0]


def _drawn(ax: Axes, row: pd.Series, columns: str, *, name: str, colour: str, label: str) -> Axes:
    x, y = row[f"{columns}_a"], row[f"{columns}_b"]
    ax.scatter(x, y, s=1.5 * dot(), alpha=0.5, linewidths=0, color=colour, label=label)
    legend_above(ax, columns=1)
    return plain(ax, x=f"{name} of a {row['a']}", y=f"{name} of b {row['b']}")
