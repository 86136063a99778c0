"""What stands behind single latents and pairs, as the page carries it: of many, an even part."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, final

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float64, Int64

from universality.report.packing import Packed, packed
from universality.results import Comparison
from universality.results.shown_contexts import STRONGEST

BEFORE, AFTER = 10, 5
"""Tokens that the page shows around the one on which a latent fires, until it is asked for more."""

MORE_BEFORE, MORE_AFTER = 16, 8
"""Tokens around it that the page carries."""

_WIDTH = MORE_BEFORE + 1 + MORE_AFTER

MOST_ROWS = 75_000
"""Contexts that the page carries: about 15 MB."""

PAIRS = 6_000
"""Pairs whose activations, or logit weights, the page carries."""

LONGEST = 400
"""Characters of a token that the page shows."""

SHADES = 254
"""Steps from silent to a latent's strongest; the one above says that nothing is known."""

KINDS = (
    "a",
    "b",
    "only_a",
    "only_b",
    "interval_a",
    "interval_b",
    "quantile_a",
    "quantile_b",
)
"""Kinds of contexts, by their number on the page."""


def evidence_data(result: Comparison) -> dict[str, Any]:
    """Contexts, histograms, clouds of pairs and logit tops, with the strings they point to."""
    vocabulary: dict[str, int] = {}
    data = {
        "kinds": KINDS,
        "contexts": _contexts(_texts_shown(result), vocabulary),
        "histograms": _histograms(result),
        "together": _clouds(_even_part(result.pair_activations), "codes"),
        "logits": _logits(result, vocabulary),
        "logits_together": _clouds(_even_part(result.pair_logits), "weights"),
    }
    return data | {"vocabulary": list(vocabulary), "kept": _how_to_keep(result)}


def _texts_shown(result: Comparison) -> pd.DataFrame | None:
    """Of as many pairs as there is room for, each text where a latent is strongest once."""
    table = result.evidence
    if table is None:
        return None
    strongest = table["kind"].isin(STRONGEST)
    return _even_part(
        table[~(strongest & table.where(strongest).duplicated(["a", "b", "row"]))], rows=MOST_ROWS
    )


def _even_part(table: pd.DataFrame | None, rows: int = PAIRS) -> pd.DataFrame | None:
    """As many pairs as make up to `rows` rows, evenly spaced in the order of the table."""
    if table is None or table.empty:
        return None
    pair = table.groupby(["a", "b"], sort=False).ngroup()
    n_pairs = int(pair.max()) + 1
    most = max(1, min(n_pairs, n_pairs * rows // len(table)))
    kept = np.unique(np.linspace(0, n_pairs - 1, most).astype(int))
    return table[pair.isin(kept)]


def _how_to_keep(result: Comparison) -> str:
    """What a reader can do about a pair that the page says nothing of."""
    tables = {
        "texts": (result.evidence, _texts_shown(result)),
        "activations": (result.pair_activations, _even_part(result.pair_activations)),
        "logit weights": (result.pair_logits, _even_part(result.pair_logits)),
    }
    parts = [
        f"{name} of {_n_pairs(shown):,} of {_n_pairs(whole):,} pairs that were kept"
        for name, (whole, shown) in tables.items()
        if whole is not None and shown is not None and len(shown) < len(whole)
    ]
    here = f"The page carries {', '.join(parts)}; the tables beside it hold them all."
    kept = (
        "Kept are the texts of pairs that the activations assign, and activations and logit "
        "weights of every assigned pair."
    )
    return f"{kept} {here}" if parts else kept


def _n_pairs(table: pd.DataFrame) -> int:
    return len(table[["a", "b"]].drop_duplicates())


def _contexts(table: pd.DataFrame | None, vocabulary: dict[str, int]) -> dict[str, Any] | None:
    if table is None:
        return None
    columns: dict[str, Packed] = {name: packed(table[name], "i4") for name in ("a", "b", "row")}
    columns |= {name: packed(table[name], "f4") for name in ("code_a", "code_b", "overlap")}
    columns |= {name: packed(table[name], "i4") for name in ("n_only_a", "n_only_b")}
    columns["kind"] = packed(table["kind"].map(KINDS.index), "u1")
    columns["rank"] = packed(table["rank"], "u1")
    if "share" in table:
        columns["share"] = packed(table["share"], "f4")
    windows = _Windows.around(table["centre"].to_numpy(), table["tokens"].map(len).to_numpy())
    columns["centre"] = packed(windows.centre, "u1")
    number, strings = pd.factorize(windows.values(table["tokens"].tolist()))
    starts_word = np.array([str(one)[:1].isspace() for one in strings], dtype=bool)
    columns["first"] = packed(windows.first_shown(starts_word[number]), "u1")
    numbers = np.array(_numbers(strings, vocabulary), dtype=np.int64)
    columns["tokens"] = _numbered(windows.padded(numbers[number], -1), vocabulary)
    for side in ("a", "b"):
        largest = table[f"code_{side}"].abs().groupby([table["a"], table["b"]]).transform("max")
        codes = windows.values(table[f"codes_{side}"].tolist()).astype(float)
        shades = _shades(codes, windows.each(largest.to_numpy()))
        columns[f"shade_{side}"] = packed(windows.padded(shades, 0), "u1")
        columns[f"largest_{side}"] = packed(largest, "f4")
    return {"width": _WIDTH, "after": AFTER, "columns": columns}


def _numbered(numbers: np.ndarray, vocabulary: dict[str, int]) -> Packed:
    """Numbers of strings, from 1; 0 is no string."""
    return packed(numbers + 1, "u2" if len(vocabulary) < 2**16 - 1 else "i4")


def _numbers(strings: Any, vocabulary: dict[str, int]) -> list[int]:
    return [vocabulary.setdefault(str(one)[:LONGEST], len(vocabulary)) for one in strings]


def _shades(codes: Float64[np.ndarray, " n"], most: Float64[np.ndarray, " n"]) -> np.ndarray:
    shares = np.abs(codes) / np.where(most == 0, 1.0, most)
    return np.where(np.isnan(shares), SHADES + 1, (SHADES * shares).clip(0, SHADES)).astype(int)


def _histograms(result: Comparison) -> dict[str, Any] | None:
    table = result.histograms
    if table is None:
        return None
    found = {}
    for side, own in table.groupby("side"):
        part = (
            own if len(own) <= 2 * PAIRS else own[own["latent"].isin(_latents(result, str(side)))]
        )
        found[str(side)] = {
            "latent": packed(part["latent"], "i4"),
            "low": packed(part["low"], "f4"),
            "high": packed(part["high"], "f4"),
            "counts": packed(np.stack(part["counts"].tolist()), "i4"),
        }
    return found


def _latents(result: Comparison, side: str) -> pd.Series:
    """Those of a side that the page carries evidence of."""
    tables = (_texts_shown(result), _even_part(result.pair_activations))
    shown: pd.Series = pd.concat([table[side] for table in tables if table is not None])
    return shown.drop_duplicates()


def _logits(result: Comparison, vocabulary: dict[str, int]) -> dict[str, Any] | None:
    table = result.logits
    if table is None:
        return None
    found = {}
    for side, own in table.groupby("side"):
        kept = np.unique(np.linspace(0, len(own) - 1, min(2 * PAIRS, len(own))).astype(int))
        part = own.iloc[kept]
        tokens = [_numbers(row, vocabulary) for row in part["tokens"]]
        found[str(side)] = {
            "latent": packed(part["latent"], "i4"),
            "width": len(tokens[0]),
            "tokens": _numbered(np.array(tokens), vocabulary),
            "weights": packed(np.stack(part["weights"].tolist()), "f4"),
        } | (
            {"counts": packed(np.stack(part["counts"].tolist()), "i4")} if "counts" in part else {}
        )
    return found


def _clouds(table: pd.DataFrame | None, name: str) -> dict[str, Any] | None:
    """Points of each pair, in 127ths of the largest value of either latent."""
    if table is None:
        return None
    columns: dict[str, Packed] = {side: packed(table[side], "i4") for side in ("a", "b")}
    columns["length"] = packed(table[f"{name}_a"].map(len), "i4")
    for side in ("a", "b"):
        values = table[f"{name}_{side}"]
        largest = [float(np.max(np.abs(one), initial=0)) for one in values]
        steps = [
            np.rint(127 * one / (most or 1)) for one, most in zip(values, largest, strict=True)
        ]
        columns[f"largest_{side}"] = packed(largest, "f4")
        columns[f"points_{side}"] = packed(np.concatenate(steps), "i1")
    for number, kind in (("n_either", "i4"), ("correlation", "f4")):
        if number in table:
            columns[number] = packed(table[number], kind)
    return columns


@final
@dataclass(frozen=True, eq=False)
class _Windows:
    """Of each text the part that the page carries, all of them one after the other."""

    start: Int64[np.ndarray, " n_texts"]
    """Where in its text each window begins."""
    length: Int64[np.ndarray, " n_texts"]
    """How many tokens it has."""
    centre: Int64[np.ndarray, " n_texts"]
    """Which of them is the text's own."""

    @classmethod
    def around(
        cls, centre: Int64[np.ndarray, " n_texts"], n_tokens: Int64[np.ndarray, " n_texts"]
    ) -> _Windows:
        """Windows around a token of texts of so many."""
        start = np.maximum(0, centre - MORE_BEFORE)
        length = np.minimum(n_tokens, centre + MORE_AFTER + 1) - start
        return cls(start, length, centre - start)

    def values(self, texts: list[Any]) -> np.ndarray:
        """What a list per text holds within its window."""
        spans = zip(texts, self.start.tolist(), (self.start + self.length).tolist(), strict=True)
        return np.concatenate([text[start:stop] for text, start, stop in spans])

    def each(self, values: np.ndarray) -> np.ndarray:
        """One value per text, for each token of its window."""
        return np.repeat(values, self.length)

    def padded(self, values: np.ndarray, filler: Any) -> np.ndarray:
        """Values of all windows as a table with a row per text, filled up at its end."""
        table = np.full((self.length.size, _WIDTH), filler, dtype=values.dtype)
        table[np.arange(_WIDTH) < self.length[:, None]] = values
        return table

    def first_shown(self, starts_word: Bool[np.ndarray, " n_values"]) -> np.ndarray:
        """Where each text begins until more is asked for: at a word, not in the middle of one."""
        place, centre = np.arange(_WIDTH), self.centre[:, None]
        begins = self.padded(starts_word, False) | (place == 0)
        begins &= (place >= centre - BEFORE) & (place < centre)
        return np.where(begins.any(axis=1), begins.argmax(axis=1), self.centre)
