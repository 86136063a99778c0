"""The texts on which the two latents of a pair fire most, and where only one of them does."""

from __future__ import annotations

import numpy as np
import pandas as pd
import torch
from jaxtyping import Int64

from universality.activations.cache import ActivationCache
from universality.activations.contexts import Context, contexts
from universality.codes import Codes, token_range
from universality.evidence.firing import Firing, firing

TOP = 20
"""Overlap is counted among this many strongest tokens of each latent."""
SHOWN = 3
"""Contexts kept of each kind."""


def pair_contexts(
    pairs: pd.DataFrame,
    a: Codes,
    b: Codes,
    *,
    rows: Int64[np.ndarray, " n_tokens"],
    cache: ActivationCache,
    n_pairs: int = 4_000,
) -> pd.DataFrame:
    """Evidence for assigned pairs: one row per pair, kind and rank.

    Kinds: `a` and `b`, the tokens on which each latent is strongest; `only_a` and `only_b`, the
    strongest on which the other is silent. Columns: `a`, `b` (latents), `kind`, `rank`, `row` (of
    the cache), `code_a`, `code_b`, `document`, `tokens` (strings around it), `centre` (which of
    them), `codes_a` and `codes_b` (on each string; NaN where the cache dropped the row), and for
    the pair `overlap`, the share of the 20 strongest tokens that both have in common, and
    `n_only_a`, `n_only_b`, on how many tokens only one fires.

    Args:
        pairs: Columns `a` and `b`: latents in the numbers of the codes.
        a: Codes of the first run.
        b: Codes of the second run on the same tokens.
        rows: Row of the cache that each token is.
        cache: Where token strings come from.
        n_pairs: Of more pairs than this, an evenly spaced part is kept.
    """
    chosen = np.linspace(0, len(pairs) - 1, min(n_pairs, len(pairs))).astype(int)
    kept = pairs.iloc[np.unique(chosen)]
    whole = [token_range(codes, range(codes.n_tokens)) for codes in (a, b)]
    parts = [
        _evidence(int(i), int(j), firing(whole[0], int(i)), firing(whole[1], int(j)))
        for i, j in zip(kept["a"], kept["b"], strict=True)
    ]
    table = pd.concat(parts, ignore_index=True)
    table["row"] = rows[table.pop("token").to_numpy()]
    found = contexts(cache, torch.from_numpy(table["row"].to_numpy(copy=True)))
    table["document"] = [one.document for one in found]
    table["tokens"] = [list(one.strings) for one in found]
    table["centre"] = [one.centre for one in found]
    token_of_row = np.full(len(cache), -1)
    token_of_row[rows] = np.arange(rows.size)
    around = [_tokens_around(one, token_of_row) for one in found]
    for side, codes in zip(("a", "b"), whole, strict=True):
        found_codes = [
            firing(codes, latent).at(tokens).astype(np.float32)
            for latent, tokens in zip(table[side].tolist(), around, strict=True)
        ]
        table[f"codes_{side}"] = pd.Series(found_codes, dtype=object)
    return table


def _tokens_around(
    context: Context, token_of_row: Int64[np.ndarray, " n_rows"]
) -> Int64[np.ndarray, " n"]:
    rows = np.array(context.rows)
    return np.where(rows >= 0, token_of_row[rows], -1)


def _evidence(i: int, j: int, a: Firing, b: Firing) -> pd.DataFrame:
    first, second = a.strongest, b.strongest
    only_a = first[~np.isin(first, second)]
    only_b = second[~np.isin(second, first)]
    kinds = {"a": first, "b": second, "only_a": only_a, "only_b": only_b}
    shown = {kind: tokens[:SHOWN] for kind, tokens in kinds.items()}
    tokens = np.concatenate(list(shown.values()))
    top = min(TOP, first.size, second.size)
    common = np.intersect1d(first[:top], second[:top]).size
    return pd.DataFrame(
        {
            "a": i,
            "b": j,
            "kind": np.repeat(list(shown), [part.size for part in shown.values()]),
            "rank": np.concatenate([np.arange(part.size) for part in shown.values()]),
            "token": tokens,
            "code_a": a.at(tokens),
            "code_b": b.at(tokens),
            "overlap": common / top if top else 0.0,
            "n_only_a": only_a.size,
            "n_only_b": only_b.size,
        }
    )
