"""Where one latent fires, and how strongly."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np
from jaxtyping import Float, Int64
from scipy import sparse


@final
@dataclass(frozen=True, eq=False)
class FiringTrace:
    """Where one latent fires, in the order of the tokens."""

    tokens: Int64[np.ndarray, " n"]
    """The tokens, ascending."""
    values: Float[np.ndarray, " n"]
    """Its code on each of them."""

    @property
    def strongest(self) -> Int64[np.ndarray, " n"]:
        """The tokens, strongest first."""
        return self.tokens[np.argsort(-np.abs(self.values), kind="stable")]

    def at(self, tokens: Int64[np.ndarray, " m"]) -> Float[np.ndarray, " m"]:
        """Codes on some tokens: 0 where it is silent, NaN for token -1."""
        silent = np.where(tokens >= 0, 0.0, np.nan)
        if not self.tokens.size:
            return silent
        place = np.searchsorted(self.tokens, tokens).clip(max=self.tokens.size - 1)
        return np.where(self.tokens[place] == tokens, self.values[place], silent)


def firing(codes: sparse.csr_array, latent: int) -> FiringTrace:
    """Where a latent fires, of codes stored by latent."""
    start, stop = codes.indptr[latent], codes.indptr[latent + 1]
    return FiringTrace(codes.indices[start:stop].astype(np.int64), codes.data[start:stop])
