"""The texts behind rows of a map: where the target fires, and where each of its inputs does."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
import pandas as pd
import torch
from jaxtyping import Int64
from scipy import sparse

from universality.activations.cache import ActivationCache
from universality.activations.contexts import contexts
from universality.codes import token_range
from universality.connectors.ends import ConnectorEnd
from universality.connectors.row_reading import RowReading
from universality.evidence.trace import FiringTrace, firing

_SHOWN = 3
_ROWS_OF_EACH = 40
_LABELLED = ("copy", "or", "and_not")
_COLUMNS = ("target", "kind", "source", "rank", "code", "document", "tokens", "centre", "codes")


def row_contexts(
    readings: Sequence[RowReading],
    source: ConnectorEnd,
    target: ConnectorEnd,
    cache: ActivationCache,
) -> pd.DataFrame | None:
    """Contexts of the rows whose label stands on most tokens, forty rows of each label.

    Kinds: `target`, the tokens on which it is strongest; `input`, those of each of its inputs;
    `both`, for a negative input, its strongest tokens on which a positive input fires too. `code`
    and `codes` are of the target or of the input. None where the codes are of no cache.
    """
    if source.rows is None or cache.meta.context <= 1:
        return None
    by_latent = [token_range(end.codes, range(end.codes.n_tokens)) for end in (source, target)]
    shown = [one for reading in chosen_rows(readings) for one in _shown(reading, *by_latent)]
    if not shown:
        return pd.DataFrame(columns=list(_COLUMNS))
    token_of_row = np.full(len(cache) + 1, -1)
    token_of_row[source.rows] = np.arange(source.rows.size)
    rows = torch.from_numpy(np.concatenate([source.rows[one.tokens] for one in shown]))
    found = iter(contexts(cache, rows))
    return pd.DataFrame(
        [
            {
                "target": one.target,
                "kind": one.kind,
                "source": one.source,
                "rank": rank,
                "code": float(code),
                "document": text.document,
                "tokens": list(text.strings),
                "centre": text.centre,
                # Row -1, the last, is that of tokens whose row was dropped.
                "codes": one.trace.at(token_of_row[np.array(text.rows)]).astype(np.float32),
            }
            for one in shown
            for rank, (code, text) in enumerate(zip(one.trace.at(one.tokens), found, strict=False))
        ],
        columns=list(_COLUMNS),
    )


def chosen_rows(readings: Sequence[RowReading]) -> list[RowReading]:
    """Of each label the forty rows that stand on most tokens."""
    chosen: list[RowReading] = []
    for label in _LABELLED:
        own = [one for one in readings if one.label == label]
        chosen += sorted(own, key=lambda one: (-one.evidence, one.fvu))[:_ROWS_OF_EACH]
    return chosen


@final
@dataclass(frozen=True, eq=False)
class _Shown:
    """Tokens whose contexts are shown, of one latent."""

    target: int
    kind: str
    source: int
    trace: FiringTrace
    tokens: Int64[np.ndarray, " n"]


def _shown(
    reading: RowReading, source: sparse.csr_array, target: sparse.csr_array
) -> Iterator[_Shown]:
    own = firing(target, reading.target)
    yield _Shown(reading.target, "target", -1, own, own.strongest[:_SHOWN])
    traces = [firing(source, one.source) for one in reading.inputs]
    weights = [one.weight for one in reading.inputs]
    positive = [trace.tokens for trace, weight in zip(traces, weights, strict=True) if weight > 0]
    any_positive = np.unique(np.concatenate([np.zeros(0, dtype=np.int64), *positive]))
    for trace, one in zip(traces, reading.inputs, strict=True):
        yield _Shown(reading.target, "input", one.source, trace, trace.strongest[:_SHOWN])
        if one.weight < 0:
            both = trace.strongest[np.isin(trace.strongest, any_positive)]
            yield _Shown(reading.target, "both", one.source, trace, both[:_SHOWN])
