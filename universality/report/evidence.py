"""What stands behind single latents and pairs, as the page carries it: of many, an even part."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from universality.report.packing import Packed, packed
from universality.results import Comparison

BEFORE, AFTER = 10, 5
"""Tokens that the page shows around the one on which a latent fires."""

PAIRS = 2_500
"""Pairs whose evidence the page carries; the tables beside it hold the rest."""

_KEPT = (
    f"The page carries up to {PAIRS:,} pairs of each kind, evenly spaced; the tables beside it "
    "hold what `compare` kept."
)

LONGEST = 400
"""Characters of a token that the page shows."""

SHADES = 254
"""Steps from silent to a latent's strongest; the one above says that nothing is known."""

KINDS = ("a", "b", "only_a", "only_b")
"""Kinds of contexts, by their number on the page."""


def evidence_data(result: Comparison) -> dict[str, Any]:
    """Contexts, histograms, clouds of pairs and logit tops, with the strings they point to."""
    vocabulary: dict[str, int] = {}
    data = {
        "kinds": KINDS,
        "contexts": _contexts(_even_part(result.evidence), vocabulary),
        "histograms": _histograms(result),
        "together": _clouds(_even_part(result.pair_activations), "codes"),
        "logits": _logits(result, vocabulary),
        "logits_together": _clouds(_even_part(result.pair_logits), "weights"),
    }
    return data | {"vocabulary": list(vocabulary), "kept": _KEPT}


def _even_part(table: pd.DataFrame | None) -> pd.DataFrame | None:
    """The rows of up to `PAIRS` pairs, evenly spaced in the order of the table."""
    if table is None or table.empty:
        return None
    pair = table.groupby(["a", "b"], sort=False).ngroup()
    kept = np.unique(np.linspace(0, pair.max(), min(PAIRS, pair.max() + 1)).astype(int))
    return table[pair.isin(kept)]


def _contexts(table: pd.DataFrame | None, vocabulary: dict[str, int]) -> dict[str, Any] | None:
    if table is None:
        return None
    columns: dict[str, Packed] = {name: packed(table[name], "i4") for name in ("a", "b", "row")}
    columns |= {name: packed(table[name], "f4") for name in ("code_a", "code_b", "overlap")}
    columns |= {name: packed(table[name], "i4") for name in ("n_only_a", "n_only_b")}
    columns["kind"] = packed(table["kind"].map(KINDS.index), "u1")
    columns["centre"] = packed(table["centre"].clip(upper=BEFORE), "u1")
    windows = [_window(centre, len(tokens)) for centre, tokens in _zip(table, "centre", "tokens")]
    strings = [
        _numbers(tokens[window], vocabulary)
        for tokens, window in zip(table["tokens"], windows, strict=True)
    ]
    columns["tokens"] = packed(_padded(strings, -1), "i4")
    for side in ("a", "b"):
        largest = table[f"code_{side}"].abs().groupby([table["a"], table["b"]]).transform("max")
        shades = [
            _shades(codes[window], most)
            for codes, window, most in zip(table[f"codes_{side}"], windows, largest, strict=True)
        ]
        columns[f"shade_{side}"] = packed(_padded(shades, 0), "u1")
        columns[f"largest_{side}"] = packed(largest, "f4")
    return {"width": BEFORE + 1 + AFTER, "columns": columns}


def _numbers(strings: Any, vocabulary: dict[str, int]) -> list[int]:
    return [vocabulary.setdefault(str(one)[:LONGEST], len(vocabulary)) for one in strings]


def _shades(codes: Any, most: float) -> list[int]:
    shares = np.abs(np.asarray(codes, dtype=float)) / (most or 1)
    return [
        int(x) for x in np.where(np.isnan(shares), SHADES + 1, (SHADES * shares).clip(0, SHADES))
    ]


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
    tables = (_even_part(table) for table in (result.evidence, result.pair_activations))
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
            "tokens": packed(tokens, "i4"),
            "weights": packed(np.stack(part["weights"].tolist()), "f4"),
        }
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


def _window(centre: int, n: int) -> slice:
    return slice(max(0, centre - BEFORE), min(n, centre + AFTER + 1))


def _padded(rows: list[list[int]], filler: int) -> np.ndarray:
    width = BEFORE + 1 + AFTER
    return np.array([row + [filler] * (width - len(row)) for row in rows])


def _zip(table: pd.DataFrame, *names: str) -> Any:
    return zip(*(table[name] for name in names), strict=True)
