"""The latents of another run that fire like one latent, and what chance gives."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import final

import numpy as np
from jaxtyping import Bool, Float64

from universality.codes import Chunk, Codes
from universality.evidence.trace import FiringTrace

N_SHIFTS = 20
"""Draws of the null."""


@final
@dataclass(frozen=True, eq=False)
class OtherCodes:
    """The codes of a run on some of the tokens, with what correlations need of them.

    They are read chunk by chunk whenever they are asked, and never held together.
    """

    codes: Codes
    """On all tokens."""
    keep: Bool[np.ndarray, " n_tokens"]
    """The tokens that count."""
    mean: Float64[np.ndarray, " d_sae"]
    """Mean code of each latent on them."""
    spread: Float64[np.ndarray, " d_sae"]
    """Root of the sum of squared deviations; 0 for a latent that never changes."""

    def correlations(self, values: Float64[np.ndarray, " n_kept"]) -> Float64[np.ndarray, " d_sae"]:
        """Pearson's correlation of every latent with values on the same tokens; NaN without any."""
        own = values - values.mean()
        norm = np.sqrt((own**2).sum())
        everywhere = np.zeros(self.keep.size)
        everywhere[self.keep] = values
        products = -self.mean * values.sum()
        for chunk, place in _chunks(self.codes):
            products += chunk @ everywhere[place]
        with np.errstate(invalid="ignore", divide="ignore"):
            found = products / (self.spread * norm)
        return np.where((self.spread > 0) & (norm > 0), found, np.nan)


def other_codes(codes: Codes, keep: Bool[np.ndarray, " n_tokens"] | None = None) -> OtherCodes:
    """The codes of a run on the tokens kept, all if None, in float64."""
    kept = np.ones(codes.n_tokens, dtype=bool) if keep is None else keep
    n = int(kept.sum())
    counts, total = np.zeros(codes.d_sae), np.zeros(codes.d_sae)
    for chunk, place in _chunks(codes):
        counts += _by_latent(chunk, kept[place], np.ones_like)
        total += _by_latent(chunk, kept[place], lambda values: values)
    mean = total / max(n, 1)
    squares = (n - counts) * mean**2
    for chunk, place in _chunks(codes):
        centre = np.repeat(mean, np.diff(chunk.indptr))
        squares += _by_latent(chunk, kept[place], lambda values, c=centre: (values - c) ** 2)  # type: ignore[misc]
    return OtherCodes(codes, kept, mean, np.sqrt(squares))


def _chunks(codes: Codes) -> Iterator[tuple[Chunk, slice]]:
    """Each chunk in float64, with the tokens that it is of."""
    start = 0
    for chunk in codes.chunks:
        stop = start + int(chunk.shape[1])
        yield chunk.astype(np.float64), slice(start, stop)
        start = stop


def _by_latent(
    chunk: Chunk,
    kept: Bool[np.ndarray, " n_chunk"],
    term: Callable[[Float64[np.ndarray, " n"]], Float64[np.ndarray, " n"]],
) -> Float64[np.ndarray, " d_sae"]:
    """The sum of a term over each latent's entries on the tokens kept."""
    latents = np.repeat(np.arange(chunk.shape[0]), np.diff(chunk.indptr))
    values = np.where(kept[chunk.indices], term(chunk.data), 0.0)
    sums = np.bincount(latents, weights=values, minlength=int(chunk.shape[0]))
    return np.asarray(sums, dtype=np.float64)  # of nothing they would be whole numbers


def dense(trace: FiringTrace, n_tokens: int) -> Float64[np.ndarray, " n_tokens"]:
    """The codes of one latent on every token."""
    values = np.zeros(n_tokens)
    values[trace.tokens] = trace.values
    return values


def shifted_greatest(
    values: Float64[np.ndarray, " n_kept"], other: OtherCodes, *, draws: int, seed: int
) -> Float64[np.ndarray, " draws"]:
    """The greatest correlation with any latent when the codes are moved along the texts.

    Each draw turns them round by a random number of tokens: bursts within texts stay, what the
    tokens have in common goes. The choice of the best latent is made anew in each draw, so the
    null has the advantage that choosing gives.
    """
    generator = np.random.default_rng(seed)
    n = values.size
    offsets = generator.integers(n // 20, max(n - n // 20, n // 20 + 1), size=draws)
    found = [other.correlations(np.roll(values, offset)) for offset in offsets.tolist()]
    return np.array([np.nanmax(one) if np.isfinite(one).any() else np.nan for one in found])


def best_of(correlations: Float64[np.ndarray, " d_sae"]) -> int:
    """The latent of greatest correlation, the first of several; -1 where none is known."""
    return int(np.nanargmax(correlations)) if np.isfinite(correlations).any() else -1
