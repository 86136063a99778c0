"""All pairs above a price, however many partners a latent has: what a price leaves to choose."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
import torch
from jaxtyping import Float64, Int64
from torch import Tensor

from universality.compute.watch import Watch
from universality.matching.exact.listed import at_least
from universality.matching.foreign import checked
from universality.matching.tiling import Tiling
from universality.similarity import Similarity

_MOST_PER_LATENT = 64

ROUNDING = 1e-12
"""Similarities no farther apart count as equal: a pair so close to the price is not above it."""


@final
@dataclass(frozen=True, eq=False)
class PairsAbove:
    """Every pair whose similarity exceeds a price by more than rounding, and no other."""

    price: float
    """What each of them exceeds."""
    a: Int64[np.ndarray, " n_above"]
    """Latent of a, ascending."""
    b: Int64[np.ndarray, " n_above"]
    """Latent of b."""
    similarity: Float64[np.ndarray, " n_above"]
    """Their similarity."""
    shape: tuple[int, int]
    """(n_a, n_b)."""

    def above(self, price: float) -> PairsAbove:
        """Those of them that exceed a higher price."""
        kept = self.similarity > price + ROUNDING
        return PairsAbove(price, self.a[kept], self.b[kept], self.similarity[kept], self.shape)


def pairs_above(
    similarity: Similarity,
    prices: Sequence[float],
    *,
    progress: bool = True,
    tiling: Tiling | None = None,
) -> PairsAbove | None:
    """All pairs above the lowest of the prices at which they are few; None if at none they are.

    Few are 64 for each latent of either run. One pass over all pairs, coarse, and again in float64
    at those that may exceed the price.

    Args:
        similarity: Of the two runs.
        prices: One or more.
        progress: Show a bar on stderr when that is a terminal.
        tiling: How the work is cut.

    Raises:
        InvalidInputError: a similarity is NaN or infinite.
    """
    similarity, tiling = checked(similarity), tiling or Tiling()
    most = _MOST_PER_LATENT * sum(similarity.shape)
    found = _Found(similarity, sorted(set(prices)), most)
    with Watch(progress=progress) as watch:
        for rows, cols in _blocks(similarity.shape, tiling, watch):
            found.look_at(rows, cols)
            if found.too_many:
                return None
    return found.pairs()


def _blocks(shape: tuple[int, int], tiling: Tiling, watch: Watch) -> Iterator[tuple[range, range]]:
    n_a, n_b = shape
    for part in watch.steps(n_a, tiling.block_rows, "listing pairs above the price"):
        for start in range(0, n_b, tiling.block_cols):
            yield range(part.start, part.stop), range(start, min(start + tiling.block_cols, n_b))


@final
class _Found:
    """The pairs found so far; the price rises to the next where they become too many."""

    def __init__(self, similarity: Similarity, prices: Sequence[float], most: int) -> None:
        self._similarity, self._prices, self._most = similarity, list(prices), most
        self._parts: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
        self._n = 0

    @property
    def too_many(self) -> bool:
        """Whether there are too many at every price."""
        return not self._prices

    def look_at(self, rows: range, cols: range) -> None:
        """Keep the pairs of a block that exceed the price."""
        device = self._similarity.device
        i, j = (torch.arange(side.start, side.stop, device=device) for side in (rows, cols))
        values, error = self._similarity.block(i, j)
        values = values if values.dtype == torch.float64 else values.float()
        floor = torch.tensor(self._prices[0] - error, dtype=torch.float64).to(values)
        at = at_least(values, torch.nextafter(floor, torch.full_like(floor, -torch.inf)))
        self._keep(i[at // len(j)], j[at % len(j)])

    def _keep(self, a: Tensor, b: Tensor) -> None:
        exact = self._similarity.at(a, b).cpu().numpy()
        kept = exact > self._prices[0] + ROUNDING
        self._parts.append((a.cpu().numpy()[kept], b.cpu().numpy()[kept], exact[kept]))
        self._n += int(kept.sum())
        while self._prices and self._n > self._most:
            self._raise_price()

    def _raise_price(self) -> None:
        self._prices.pop(0)
        if self._prices:
            kept = [part[2] > self._prices[0] + ROUNDING for part in self._parts]
            self._parts = [
                (a[k], b[k], values[k]) for (a, b, values), k in zip(self._parts, kept, strict=True)
            ]
        self._n = sum(len(part[0]) for part in self._parts)

    def pairs(self) -> PairsAbove:
        """All of them, in the order of a and then b."""
        a, b, values = (np.concatenate([part[k] for part in self._parts]) for k in range(3))
        order = np.lexsort((b, a))
        return PairsAbove(
            self._prices[0], a[order], b[order], values[order], self._similarity.shape
        )
