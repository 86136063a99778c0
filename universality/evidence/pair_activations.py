"""How strongly latents fire, one by one and two at a time, small enough to keep with a result."""

from __future__ import annotations

import numpy as np
import pandas as pd
from jaxtyping import Int64

from universality.codes import Chunk, Codes, token_range
from universality.evidence.trace import firing

BINS = 20
"""Bins of a latent's histogram."""
SHOWN = 100
"""Tokens kept of a pair."""


def activation_histograms(codes: Codes, side: str) -> pd.DataFrame:
    """One row per latent that fires: `side`, `latent`, `low`, `high`, `counts`.

    The counts are of the tokens on which it fires, in bins of equal width from `low` to `high`, the
    least and the greatest code, 0 included: a latent that is never negative has low 0.
    """
    ends = [(chunk.min(axis=1).toarray(), chunk.max(axis=1).toarray()) for chunk in codes.chunks]
    low = np.min([one.ravel() for one, _ in ends], axis=0).clip(max=0)
    high = np.max([one.ravel() for _, one in ends], axis=0).clip(min=0)
    counts = sum(
        (_counts(chunk, low, high) for chunk in codes.chunks),
        start=np.zeros((codes.d_sae, BINS), dtype=np.int64),
    )
    fires = codes.count.nonzero()[0]
    return pd.DataFrame(
        {
            "side": side,
            "latent": fires,
            "low": low[fires],
            "high": high[fires],
            "counts": list(counts[fires]),
        }
    )


def activations_of_pairs(
    pairs: pd.DataFrame, a: Codes, b: Codes, *, n_pairs: int = 30_000
) -> pd.DataFrame:
    """One row per pair: `a`, `b`, `n_either`, `codes_a`, `codes_b`.

    `n_either` is the number of tokens on which at least one of the two fires; the codes are those
    on up to 100 of these tokens, evenly spaced through the texts. Of more pairs than `n_pairs`, an
    evenly spaced part is kept.
    """
    chosen = np.linspace(0, len(pairs) - 1, min(n_pairs, len(pairs))).astype(int)
    kept = pairs.iloc[np.unique(chosen)]
    whole = [token_range(codes, range(codes.n_tokens)) for codes in (a, b)]
    rows = []
    for i, j in zip(kept["a"].tolist(), kept["b"].tolist(), strict=True):
        first, second = firing(whole[0], i), firing(whole[1], j)
        either = np.union1d(first.tokens, second.tokens)
        some = either[np.linspace(0, either.size - 1, min(SHOWN, either.size)).astype(int)]
        both = (one.at(some).astype(np.float32) for one in (first, second))
        rows.append((i, j, either.size, *both))
    return pd.DataFrame(rows, columns=["a", "b", "n_either", "codes_a", "codes_b"])


def _counts(chunk: Chunk, low: np.ndarray, high: np.ndarray) -> Int64[np.ndarray, "d_sae bins"]:
    latent = np.repeat(np.arange(chunk.shape[0]), np.diff(chunk.indptr))
    width = (high - low)[latent]
    share = (chunk.data - low[latent]) / width
    place = np.minimum((share * BINS).astype(np.int64), BINS - 1)
    counts = np.bincount(latent * BINS + place, minlength=chunk.shape[0] * BINS)
    return counts.reshape(-1, BINS)
