"""What a row of a map says: copy, weighted OR, AND-NOT, by what happens when an input is dropped.

Weights alone do not say it. A negative weight on an input that never fires beside a positive one is
no AND-NOT, and two positive inputs that only ever fire together are no OR. So every label is held
against held-out tokens, and carries its counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float64, Int64
from scipy import sparse

from universality.connectors.connector import Connector, weights_in
from universality.connectors.ends import ConnectorEnd

_MOST_INPUTS = 8
_SHARE_OF_LARGEST = 0.05
_READABLE = 0.9
_COPIES = 0.05
_FEWEST = 10
_P = 0.01
_TRULY_OFF = 0.9
_SILENT = 0.05
"""Of the mean with which a target fires: a prediction up to here is off, as a fitted bias is."""
_MOSTLY = 0.5


@final
@dataclass(frozen=True)
class RowInput:
    """One input of a row, and what the row is without it."""

    source: int
    """The source latent."""
    weight: float
    """In raw units."""
    standardised: float
    """Times the source's standard deviation over the target's."""
    n_fires: int
    """Held-out tokens on which it fires."""
    n_alone: int
    """Of these, those on which no other positive input fires."""
    n_alone_on: int
    """Of these, those on which the target truly fires and is predicted to, and would not be
    predicted to without it; for a positive input."""
    fvu_without: float
    """The row's share of variance unexplained when it is dropped."""
    n_changed: int
    """Tokens on which dropping it turns the prediction on or off."""
    n_both: int = 0
    """For a negative input: tokens on which it and a positive input fire."""
    n_both_expected: float = 0.0
    """How many that would be by chance."""
    n_both_off: int = 0
    """Of those tokens, on how many the target is truly off."""
    n_released: int = 0
    """Of those, on how many the prediction is on once it is dropped."""


@final
@dataclass(frozen=True, eq=False)
class RowReading:
    """A row of a map, read on held-out tokens."""

    target: int
    """The target latent."""
    label: str
    """One of `results.ROW_LABELS`."""
    fvu: float
    """Share of its variance unexplained with the inputs listed here alone."""
    inputs: tuple[RowInput, ...]
    """Strongest first."""

    @property
    def evidence(self) -> int:
        """Tokens that the label stands on: the least of what each of its inputs shows."""
        match self.label:
            case "or":
                shown = sorted(one.n_alone_on for one in self.inputs if one.weight > 0)
                return shown[-2]
            case "and_not":
                return max(one.n_released for one in self.inputs)
            case _:
                return self.inputs[0].n_fires if self.inputs else 0


def read_map_rows(
    connector: Connector,
    source: ConnectorEnd,
    target: ConnectorEnd,
    targets: Sequence[int] | Int64[np.ndarray, " n"],
) -> list[RowReading]:
    """The rows of these targets, read on the tokens of both ends (held out from the fit).

    An input is among the eight strongest, with a standardised weight of at least a twentieth of the
    largest. A target is predicted to be on where the prediction is above a twentieth of the mean
    with which it fires. The labels, in this order:

    * `copy`: with one positive input alone the row explains as much, within .05;
    * `and_not`: a negative input fires together with a positive one more often than chance puts
      there (p < .01, at least ten tokens), the target is truly off on nine in ten of these tokens,
      and dropping it turns the prediction on in half of them; a positive one turns it on alone;
    * `or`: the bias alone leaves the target off, and two or more positive inputs each turn it on,
      in prediction and in truth, on most of at least ten tokens on which no other positive input
      fires;
    * `mixed`: anything else; `unread`: less than a tenth of its variance is explained.
    """
    by_latent = (source.codes, target.codes)
    columns = [sparse.csc_array(end.by_token) for end in (source, target)]
    weights = weights_in(connector, "standardised")
    n = by_latent[0].n_tokens
    return [_read(connector, weights, columns[0], columns[1], int(one), n) for one in targets]


def rows_table(readings: Sequence[RowReading]) -> pd.DataFrame:
    """One row per target and input, strongest first."""
    columns = ["target", "rank", *RowInput.__dataclass_fields__]
    rows = [
        {"target": one.target, "rank": rank} | vars(each)
        for one in readings
        for rank, each in enumerate(one.inputs)
    ]
    return pd.DataFrame(rows, columns=columns)


@final
@dataclass(frozen=True, eq=False)
class _Row:
    """One target with its inputs, on the tokens where any of them or the target fires."""

    weights: Float64[np.ndarray, " n_inputs"]
    codes: Float64[np.ndarray, "n n_inputs"]
    truth: Float64[np.ndarray, " n"]
    bias: float
    linear: bool
    n_tokens: int

    @property
    def fires(self) -> Bool[np.ndarray, "n n_inputs"]:
        return np.asarray(self.codes > 0)

    def predicted(self, kept: Bool[np.ndarray, " n_inputs"]) -> Float64[np.ndarray, " n"]:
        out = self.codes @ np.where(kept, self.weights, 0.0) + self.bias
        return out if self.linear else np.maximum(out, 0.0)

    @property
    def least_on(self) -> float:
        """The prediction above which the target is predicted to fire."""
        truly = self.truth[self.truth > 0]
        return _SILENT * float(truly.mean()) if truly.size else 0.0

    def on(self, kept: Bool[np.ndarray, " n_inputs"]) -> Bool[np.ndarray, " n"]:
        """Where the target is predicted to fire by these inputs."""
        return self.predicted(kept) > self.least_on

    def fvu(self, kept: Bool[np.ndarray, " n_inputs"]) -> float:
        """Over all tokens: on the others every input and the target are silent."""
        silent = self.bias if self.linear else max(self.bias, 0.0)
        others = self.n_tokens - self.truth.size
        error = float(np.square(self.predicted(kept) - self.truth).sum()) + others * silent**2
        mean = float(self.truth.sum()) / self.n_tokens
        spread = float(np.square(self.truth).sum()) - self.n_tokens * mean**2
        return error / spread if spread > 0 else float("nan")


def _read(
    connector: Connector,
    weights: sparse.csr_array,
    source: sparse.csc_array,
    target: sparse.csc_array,
    j: int,
    n_tokens: int,
) -> RowReading:
    inputs, standardised = _strongest(weights, j)
    if not inputs.size:
        return RowReading(j, "unread", float("nan"), ())
    row = _row(connector, source, target, j, inputs, n_tokens)
    everything = np.ones(inputs.size, dtype=bool)
    whole = row.fvu(everything)
    described = tuple(
        _input(row, i, int(inputs[i]), float(standardised[i])) for i in range(inputs.size)
    )
    return RowReading(j, _label(row, described, whole), whole, described)


def _strongest(
    weights: sparse.csr_array, j: int
) -> tuple[Int64[np.ndarray, " n"], Float64[np.ndarray, " n"]]:
    start, stop = weights.indptr[j], weights.indptr[j + 1]
    sources, values = weights.indices[start:stop].astype(np.int64), weights.data[start:stop]
    order = np.argsort(-np.abs(values), kind="stable")[:_MOST_INPUTS]
    if order.size:
        least = _SHARE_OF_LARGEST * abs(values[order[0]])
        order = order[np.abs(values[order]) >= least]
    return sources[order], values[order]


def _row(
    connector: Connector,
    source: sparse.csc_array,
    target: sparse.csc_array,
    j: int,
    inputs: Int64[np.ndarray, " n"],
    n_tokens: int,
) -> _Row:
    parts = [_column(source, int(i)) for i in inputs] + [_column(target, j)]
    tokens = np.unique(np.concatenate([where for where, _ in parts]))
    dense = np.zeros((tokens.size, len(parts)))
    for number, (where, values) in enumerate(parts):
        dense[np.searchsorted(tokens, where), number] = values
    raw = connector.W[[j]].toarray().reshape(-1)[inputs].astype(np.float64)
    linear = connector.form == "linear"
    return _Row(raw, dense[:, :-1], dense[:, -1], float(connector.b[j]), linear, n_tokens)


def _column(matrix: sparse.csc_array, i: int) -> tuple[np.ndarray, np.ndarray]:
    start, stop = matrix.indptr[i], matrix.indptr[i + 1]
    return matrix.indices[start:stop], matrix.data[start:stop]


def _input(row: _Row, i: int, source: int, standardised: float) -> RowInput:
    without = np.arange(row.weights.size) != i
    predicted, dropped = row.on(np.ones_like(without)), row.on(without)
    fires, on = row.fires, row.truth > 0
    positive = row.weights > 0
    alone = fires[:, i] & ~fires[:, positive & without].any(axis=1)
    counts = {
        "n_fires": int(fires[:, i].sum()),
        "n_alone": int(alone.sum()),
        "n_alone_on": int((alone & on & predicted & ~dropped).sum()) if positive[i] else 0,
        "n_changed": int((predicted != dropped).sum()),
    }
    if not positive[i] and positive.any():
        any_positive = fires[:, positive].any(axis=1)
        both = fires[:, i] & any_positive
        off = both & ~on
        counts |= {
            "n_both": int(both.sum()),
            "n_both_off": int(off.sum()),
            "n_released": int((off & ~predicted & dropped).sum()),
        }
        expected = fires[:, i].sum() * any_positive.sum() / row.n_tokens
    else:
        expected = 0.0
    return RowInput(
        source=source,
        weight=float(row.weights[i]),
        standardised=standardised,
        fvu_without=row.fvu(without),
        n_both_expected=float(expected),
        **counts,
    )


def _label(row: _Row, inputs: tuple[RowInput, ...], whole: float) -> str:
    if not whole < _READABLE:
        return "unread"
    if any(
        row.weights[i] > 0 and row.fvu(np.arange(row.weights.size) == i) <= whole + _COPIES
        for i in range(row.weights.size)
    ):
        return "copy"
    turns_on = [one for one in inputs if one.weight > 0 and _mostly(one.n_alone_on, one.n_alone)]
    if turns_on and any(_blocks(row, one) for one in inputs):
        return "and_not"
    if len(turns_on) > 1 and row.bias <= row.least_on:
        return "or"
    return "mixed"


def _mostly(part: int, whole: int) -> bool:
    return whole >= _FEWEST and part > _MOSTLY * whole


def _blocks(row: _Row, one: RowInput) -> bool:
    """Whether a negative input keeps the target off where positive ones would turn it on."""
    if one.weight >= 0 or one.n_both < _FEWEST or one.n_both_off < _TRULY_OFF * one.n_both:
        return False
    if one.n_released <= _MOSTLY * one.n_both_off:
        return False
    from scipy import stats  # half a second of imports that most commands do without

    any_positive = int(row.fires[:, row.weights > 0].any(axis=1).sum())
    chance = stats.hypergeom.sf(one.n_both - 1, row.n_tokens, any_positive, one.n_fires)
    return bool(chance < _P)
