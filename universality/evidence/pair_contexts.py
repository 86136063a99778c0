"""The texts on which the two latents of a pair fire most, and where only one of them does."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, pairwise
from typing import final

import numpy as np
import pandas as pd
import torch
from jaxtyping import Int64

from universality.activations.cache import ActivationCache
from universality.activations.contexts import contexts
from universality.codes import Codes, token_range
from universality.evidence.trace import FiringTrace, firing
from universality.evidence.weaker_firings import WeakerFirings, by_interval, by_quantile

TOP = 20
"""Overlap is counted among this many strongest tokens of each latent."""
STRONGEST = 10
"""Different contexts kept where either latent of a pair is strongest, if there are as many."""
ONLY = 3
"""Contexts kept where only one of the two fires."""


def pair_contexts(
    pairs: pd.DataFrame,
    a: Codes,
    b: Codes,
    *,
    rows: Int64[np.ndarray, " n_tokens"],
    cache: ActivationCache,
    n_pairs: int = 9_000,
) -> pd.DataFrame:
    """Evidence for assigned pairs: one row per pair, kind and rank.

    Kinds: `a` and `b`, the tokens on which each latent is strongest; `only_a` and `only_b`, the
    strongest on which the other is silent; `interval_a`, `quantile_a` and so on weaker firings of
    each (`weaker_firings`), with the `share` of its firings that are as strong. Columns: `a`, `b`
    (latents), `kind`, `rank`, `share`, `row` (of the cache), `code_a`, `code_b`, `document`,
    `tokens` (strings around it), `centre` (which of them), `codes_a` and `codes_b` (on each string;
    NaN where the cache dropped the row), and for the pair `overlap`, the share of the 20 strongest
    tokens that both have in common, and `n_only_a`, `n_only_b`, on how many tokens only one fires.

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
    numbers = list(zip(kept["a"].tolist(), kept["b"].tolist(), strict=True))
    whole = [token_range(codes, range(codes.n_tokens)) for codes in (a, b)]
    fires = [(firing(whole[0], i), firing(whole[1], j)) for i, j in numbers]
    shown = [_shown(first, second) for first, second in fires]
    table = _table(numbers, fires, shown)
    table["row"] = rows[np.concatenate([one.tokens for one in shown])]
    found = contexts(cache, torch.from_numpy(table["row"].to_numpy(copy=True)))
    table["document"] = [one.document for one in found]
    table["tokens"] = [list(one.strings) for one in found]
    table["centre"] = [one.centre for one in found]
    token_of_row = np.full(len(cache) + 1, -1)
    token_of_row[rows] = np.arange(rows.size)
    # Row -1, the last, is that of tokens whose row was dropped.
    around = [token_of_row[np.array(one.rows)] for one in found]
    ends = np.cumsum([one.tokens.size for one in shown])[:-1]
    for number, side in enumerate(("a", "b")):
        codes_around = [
            one
            for both, tokens in zip(fires, _split(around, ends), strict=True)
            for one in _codes(both[number], tokens)
        ]
        table[f"codes_{side}"] = pd.Series(codes_around, dtype=object)
    return table


@final
@dataclass(frozen=True, eq=False)
class _Shown:
    """The tokens of one pair whose contexts are kept."""

    tokens: Int64[np.ndarray, " n"]
    kinds: list[str]
    ranks: list[int]
    shares: list[float]
    overlap: float
    n_only_a: int
    n_only_b: int


def _shown(a: FiringTrace, b: FiringTrace) -> _Shown:
    first, second = a.strongest, b.strongest
    only_a, only_b = first[b.at(first) == 0], second[a.at(second) == 0]
    strongest = {"a": first, "b": second}
    only = {"only_a": only_a, "only_b": only_b}
    parts = [
        *((kind, some[: _enough(first, second)], None) for kind, some in strongest.items()),
        *((kind, some[:ONLY], None) for kind, some in only.items()),
        *(
            (f"{name}_{side}", weaker.tokens, weaker)
            for side, latent in (("a", a), ("b", b))
            for name, weaker in (
                ("interval", by_interval(latent)),
                ("quantile", by_quantile(latent)),
            )
        ),
    ]
    top = min(TOP, first.size, second.size)
    common = np.intersect1d(first[:top], second[:top], assume_unique=True).size
    return _Shown(
        tokens=np.concatenate([tokens for _, tokens, _ in parts]),
        kinds=[kind for kind, tokens, _ in parts for _ in tokens],
        ranks=[
            rank
            for _, tokens, weaker in parts
            for rank in (range(tokens.size) if weaker is None else weaker.ranks)
        ],
        shares=[
            share
            for _, tokens, weaker in parts
            for share in ([np.nan] * tokens.size if weaker is None else weaker.shares.tolist())
        ],
        overlap=common / top if top else 0.0,
        n_only_a=only_a.size,
        n_only_b=only_b.size,
    )


def _enough(first: Int64[np.ndarray, " n_a"], second: Int64[np.ndarray, " n_b"]) -> int:
    """How many of the strongest tokens of each are ten different ones together."""
    wanted = range(STRONGEST // 2, STRONGEST)
    return next(
        (n for n in wanted if np.union1d(first[:n], second[:n]).size >= STRONGEST), STRONGEST
    )


def _weaker(latent: FiringTrace) -> tuple[tuple[str, WeakerFirings], ...]:
    return ("interval", by_interval(latent)), ("quantile", by_quantile(latent))


def _table(
    numbers: Sequence[tuple[int, int]],
    fires: Sequence[tuple[FiringTrace, FiringTrace]],
    shown: Sequence[_Shown],
) -> pd.DataFrame:
    sizes = [one.tokens.size for one in shown]
    return pd.DataFrame(
        {
            "a": np.repeat([i for i, _ in numbers], sizes),
            "b": np.repeat([j for _, j in numbers], sizes),
            "kind": list(chain.from_iterable(one.kinds for one in shown)),
            "rank": list(chain.from_iterable(one.ranks for one in shown)),
            "share": list(chain.from_iterable(one.shares for one in shown)),
            **{
                f"code_{side}": np.concatenate(
                    [both[k].at(one.tokens) for both, one in zip(fires, shown, strict=True)]
                )
                for k, side in enumerate(("a", "b"))
            },
            "overlap": np.repeat([one.overlap for one in shown], sizes),
            "n_only_a": np.repeat([one.n_only_a for one in shown], sizes),
            "n_only_b": np.repeat([one.n_only_b for one in shown], sizes),
        }
    )


def _split(rows: Sequence[np.ndarray], ends: np.ndarray) -> Iterator[Sequence[np.ndarray]]:
    for start, stop in pairwise((0, *ends.tolist(), len(rows))):
        yield rows[start:stop]


def _codes(latent: FiringTrace, tokens: Sequence[np.ndarray]) -> list[np.ndarray]:
    if not tokens:
        return []
    codes = latent.at(np.concatenate(tokens)).astype(np.float32)
    return np.split(codes, np.cumsum([one.size for one in tokens])[:-1])
