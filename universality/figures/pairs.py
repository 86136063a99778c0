"""Figures of the two latents of one pair, from what the comparison kept of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from universality.errors import InvalidInputError
from universality.figures.style import AXES, COLOURS, PAIR, TWO_RUNS, dot, plain_axes
from universality.figures.withdrawal import drawing
from universality.results import Comparison

_NAMED = 3
_LONGEST_TOKEN = 16


def figures_of_pair(
    comparison: Comparison, pair: tuple[int, int] | None = None
) -> dict[str, Callable[[Axes], Axes]]:
    """The figures that what was kept of a pair can fill, by name.

    By default of one pair for all: the most alike of those kept.

    Raises:
        InvalidInputError: nothing was kept of the pair that was asked for.
    """
    tables = {
        draw: table
        for draw, table in (
            (activation_scatter, comparison.pair_activations),
            (logit_scatter, comparison.pair_logits),
        )
        if table is not None and len(table)
    }
    if pair is None:
        return {} if not tables else figures_of_pair(comparison, _strongest(tables.values()))
    drawn: dict[str, Callable[[Axes], Axes]] = {
        draw.__name__: partial(draw, comparison, pair=pair)
        for draw, table in tables.items()
        if len(_rows_of(table, pair))
    }
    if not drawn:
        kept = [_strongest([table]) for table in tables.values()]
        raise InvalidInputError(
            f"--pair {pair[0]},{pair[1]}: this result kept nothing of this pair (latent of a, "
            "latent of b); "
            + (
                f"it kept assigned pairs such as {kept[0][0]},{kept[0][1]}"
                if kept
                else "compare with --activations DIR or --unembedding MODEL"
            )
        )
    return drawn


@drawing(comparison=TWO_RUNS, ax=AXES, pair=PAIR)
def activation_scatter(
    comparison: Comparison, ax: Axes, *, pair: tuple[int, int] | None = None
) -> Axes:
    """Activation of one latent against its partner's, a point per token where either fires.

    By default the most alike of the pairs that were kept.

    Raises:
        InvalidInputError: the comparison has no activations, or kept nothing of this pair.
    """
    row = _row(comparison.pair_activations, pair, "activations; compare with --activations DIR")
    label = (
        f"a {row['a']}, b {row['b']}: {len(row['codes_a']):,} of {row['n_either']:,} tokens "
        "where either fires"
    )
    colour = COLOURS["activations"]
    return _drawn(ax, row, "codes", name="activation", colour=colour, label=label)


@drawing(comparison=TWO_RUNS, ax=AXES, pair=PAIR)
def logit_scatter(comparison: Comparison, ax: Axes, *, pair: tuple[int, int] | None = None) -> Axes:
    """Logit weight of one latent against its partner's, a point per token of the vocabulary.

    The tokens are those that either raises or lowers most, and an even part of the others. Pairs
    as `activation_scatter`.

    Raises:
        InvalidInputError: the comparison has no unembedding, or kept nothing of this pair.
    """
    row = _row(comparison.pair_logits, pair, "logit weights; compare with --unembedding MODEL")
    label = f"a {row['a']}, b {row['b']}: tokens (correlation {row['correlation']:.2f})"
    drawn = _drawn(ax, row, "weights", name="logit weight", colour=COLOURS["decoder"], label=label)
    return _with_extreme_tokens(drawn, row)


def _row(table: pd.DataFrame | None, pair: tuple[int, int] | None, missing: str) -> pd.Series:
    if table is None or table.empty:
        raise InvalidInputError(f"this result has no {missing}")
    found = _rows_of(table, pair or _strongest([table]))
    if found.empty and pair is not None:
        raise InvalidInputError(
            f"--pair {pair[0]},{pair[1]}: nothing was kept of this pair; kept are assigned pairs "
            f"such as {table['a'].iloc[0]},{table['b'].iloc[0]} (latent of a, latent of b)"
        )
    return found.iloc[0]


def _strongest(tables: Iterable[pd.DataFrame]) -> tuple[int, int]:
    """The first pair of the shortest table: they are kept from the most alike to the least."""
    row = min(tables, key=len).iloc[0]
    return int(row["a"]), int(row["b"])


def _rows_of(table: pd.DataFrame, pair: tuple[int, int]) -> pd.DataFrame:
    return table[(table["a"] == pair[0]) & (table["b"] == pair[1])]


def _drawn(ax: Axes, row: pd.Series, columns: str, *, name: str, colour: str, label: str) -> Axes:
    x, y = row[f"{columns}_a"], row[f"{columns}_b"]
    ax.scatter(x, y, s=1.5 * dot(), alpha=0.5, linewidths=0, color=colour, label=label)
    ax.set_title(label, loc="left", size="small")
    return plain_axes(ax, x=f"{name} of a {row['a']}", y=f"{name} of b {row['b']}")


def _with_extreme_tokens(ax: Axes, row: pd.Series) -> Axes:
    """The names of the tokens that both latents raise most."""
    together = np.asarray(row["weights_a"]) + np.asarray(row["weights_b"])
    for rank, token in enumerate(np.argsort(-together)[:_NAMED]):
        place = (row["weights_a"][token], row["weights_b"][token])
        name = ascii(row["tokens"][token])[1:-1][:_LONGEST_TOKEN]  # no font has every letter
        ax.annotate(
            name,
            place,
            xytext=(-3, -7 * rank),
            textcoords="offset points",
            ha="right",
            size="small",
        )
    return ax
