"""The latents of another run that fire like one latent, and what chance gives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np
from jaxtyping import Bool, Float64
from scipy import sparse

from universality.codes import Codes
from universality.evidence.trace import FiringTrace

N_SHIFTS = 20
"""Draws of the null."""


@final
@dataclass(frozen=True, eq=False)
class OtherCodes:
    """The codes of a run on some of the tokens, with what correlations need of them."""

    codes: sparse.csr_array
    """(d_sae, tokens that are kept)."""
    mean: Float64[np.ndarray, " d_sae"]
    """Mean code of each latent."""
    spread: Float64[np.ndarray, " d_sae"]
    """Root of the sum of squared deviations; 0 for a latent that never changes."""

    def correlations(self, values: Float64[np.ndarray, " n_kept"]) -> Float64[np.ndarray, " d_sae"]:
        """Pearson's correlation of every latent with values on the same tokens; NaN without any."""
        own = values - values.mean()
        norm = np.sqrt((own**2).sum())
        products = self.codes @ values - self.mean * values.sum()
        with np.errstate(invalid="ignore", divide="ignore"):
            found = products / (self.spread * norm)
        return np.where((self.spread > 0) & (norm > 0), found, np.nan)


def other_codes(codes: Codes, keep: Bool[np.ndarray, " n_tokens"] | None = None) -> OtherCodes:
    """The codes of a run on the tokens kept, all if None, in float64."""
    whole = sparse.hstack(codes.chunks, format="csc").astype(np.float64)
    some = sparse.csr_array(whole if keep is None else whole[:, np.flatnonzero(keep)])
    n = some.shape[1]
    mean = np.asarray(some.sum(axis=1)).ravel() / max(n, 1)
    counts = np.diff(some.indptr)
    centred = some.data - np.repeat(mean, counts)
    squares = np.zeros(some.shape[0])
    np.add.at(squares, np.repeat(np.arange(some.shape[0]), counts), centred**2)
    spread = np.sqrt(squares + (n - counts) * mean**2)
    return OtherCodes(some, mean, spread)


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
