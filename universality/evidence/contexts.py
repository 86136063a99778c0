"""The texts on which the two latents of a pair fire most, and where only one of them does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float, Int64
from scipy import sparse

from universality.activations.cache import ActivationCache
from universality.activations.contexts import contexts
from universality.codes import Codes, token_range

TOP = 20
"""Overlap is counted among this many strongest tokens of each latent."""
SHOWN = 3
"""Contexts kept of each kind."""


@final
@dataclass(frozen=True, eq=False)
class _Firing:
    """Where one latent fires, strongest first."""

    tokens: Int64[np.ndarray, " n"]
    values: Float[np.ndarray, " n"]

    def at(self, tokens: Int64[np.ndarray, " m"]) -> Float[np.ndarray, " m"]:
        """Codes on some tokens, 0 where it is silent."""
        if not self.tokens.size:
            return np.zeros(tokens.size)
        order = np.argsort(self.tokens)
        place = np.searchsorted(self.tokens[order], tokens).clip(max=self.tokens.size - 1)
        found = self.tokens[order][place] == tokens
        return np.where(found, self.values[order][place], 0.0)


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
    them), and for the pair `overlap`, the share of the 20 strongest tokens that both have in
    common, and `n_only_a`, `n_only_b`, on how many tokens only one fires.

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
    table = pd.concat(
        [
            _evidence(int(i), int(j), _strongest(whole[0], int(i)), _strongest(whole[1], int(j)))
            for i, j in zip(kept["a"], kept["b"], strict=True)
        ],
        ignore_index=True,
    )
    table["row"] = rows[table.pop("token").to_numpy()]
    found = contexts(cache, torch.from_numpy(table["row"].to_numpy(copy=True)))
    table["document"] = [one.document for one in found]
    table["tokens"] = [list(one.strings) for one in found]
    table["centre"] = [one.centre for one in found]
    return table


def _strongest(codes: sparse.csr_array, latent: int) -> _Firing:
    start, stop = codes.indptr[latent], codes.indptr[latent + 1]
    tokens, values = codes.indices[start:stop], codes.data[start:stop]
    order = np.argsort(-np.abs(values), kind="stable")
    return _Firing(tokens[order].astype(np.int64), values[order])


def _evidence(i: int, j: int, a: _Firing, b: _Firing) -> pd.DataFrame:
    only_a = a.tokens[~np.isin(a.tokens, b.tokens)]
    only_b = b.tokens[~np.isin(b.tokens, a.tokens)]
    kinds = {"a": a.tokens, "b": b.tokens, "only_a": only_a, "only_b": only_b}
    shown = {kind: tokens[:SHOWN] for kind, tokens in kinds.items()}
    tokens = np.concatenate(list(shown.values()))
    top = min(TOP, a.tokens.size, b.tokens.size)
    common = np.intersect1d(a.tokens[:top], b.tokens[:top]).size
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
