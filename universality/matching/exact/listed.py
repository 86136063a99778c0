"""The pairs worth remembering from one pass over the full product, and a bound on the others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np
import torch
from jaxtyping import Float, Float32, Float64, Int64
from torch import Tensor


@final
@dataclass(frozen=True, eq=False)
class ListedPairs:
    """Pairs that are close for one of their two latents, and how close the others can be."""

    a: Int64[np.ndarray, " n_listed"]
    """Latent of a."""
    b: Int64[np.ndarray, " n_listed"]
    """Latent of b."""
    value: Float32[np.ndarray, " n_listed"]
    """Their similarity as the block gave it."""
    error: float
    """How far the values can be off."""
    rest_a: Float64[np.ndarray, " n_rows"]
    """No pair of this latent of a that is not listed is closer."""
    rest_b: Float64[np.ndarray, " n_b"]
    """No pair of this latent of b that is not listed is closer."""

    def transposed(self) -> ListedPairs:
        """The same with the sides exchanged."""
        order = np.lexsort((self.a, self.b))
        return ListedPairs(
            a=self.b[order],
            b=self.a[order],
            value=self.value[order],
            error=self.error,
            rest_a=self.rest_b,
            rest_b=self.rest_a,
        )

    def then(self, other: ListedPairs) -> ListedPairs:
        """Together with those of the range of a that follows."""
        return ListedPairs(
            a=np.concatenate([self.a, other.a]),
            b=np.concatenate([self.b, other.b]),
            value=np.concatenate([self.value, other.value]),
            error=max(self.error, other.error),
            rest_a=np.concatenate([self.rest_a, other.rest_a]),
            rest_b=np.maximum(self.rest_b, other.rest_b),
        )


def kth_closest(
    latent: Int64[np.ndarray, " n_listed"], value: Float32[np.ndarray, " n_listed"], n: int, k: int
) -> Float32[np.ndarray, " n"]:
    """The k-th largest value of each latent's pairs; minus infinity where it has fewer."""
    bits = (value + np.float32(0)).view(np.int32).astype(np.int64)
    descending = np.where(bits >= 0, 0x7FFFFFFF - bits, 0x80000000 + (bits & 0x7FFFFFFF))
    # Sorting whole keys is several times faster than sorting places by them.
    by_latent = np.sort((latent << 32) | descending) & 0xFFFFFFFF
    counts = np.bincount(latent, minlength=n)
    enough = np.flatnonzero(counts >= k)
    found = by_latent[(np.cumsum(counts) - counts)[enough] + k - 1]
    back = np.where(found <= 0x7FFFFFFF, 0x7FFFFFFF - found, found | ~0x7FFFFFFF)
    kth = np.full(n, -np.inf, dtype=np.float32)
    kth[enough] = back.astype(np.int32).view(np.float32)
    return kth


def at_least(
    values: Float[Tensor, "rows cols"], floor: Float[Tensor, "..."]
) -> Int64[Tensor, " n_found"]:
    """Flat indices, ascending, of the values that are at least the floor; quick where few are."""
    if values.device.type != "cpu":
        return (values >= floor).reshape(-1).nonzero()[:, 0]
    # NumPy's comparison and search are several times faster than torch's on one core.
    mask = np.greater_equal(values.numpy(), floor.numpy())
    return torch.from_numpy(np.flatnonzero(mask))
