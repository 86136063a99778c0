"""The closest few of every latent, found block by block; row ranges merge."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np
import torch
from jaxtyping import Bool, Float64, Int64
from torch import Tensor

from universality.errors import InvalidInputError
from universality.similarity import Similarity


@final
@dataclass(frozen=True, eq=False)
class Neighbours:
    """The k closest latents of the other side, for each latent of one side, closest first.

    Equally close latents come in ascending order. Where there are fewer than k, the index is -1
    and the similarity minus infinity.
    """

    index: Int64[np.ndarray, "n k"]
    """Which latents."""
    similarity: Float64[np.ndarray, "n k"]
    """How close they are."""

    @property
    def nearest(self) -> Int64[np.ndarray, " n"]:
        """The closest latent."""
        return self.index[:, 0]

    @property
    def nearest_similarity(self) -> Float64[np.ndarray, " n"]:
        """Similarity of the closest latent."""
        return self.similarity[:, 0]

    @property
    def margin(self) -> Float64[np.ndarray, " n"]:
        """By how much the closest is closer than the runner-up; infinite without one (k >= 2)."""
        return np.asarray(self.similarity[:, 0] - self.similarity[:, 1])


@final
@dataclass(frozen=True, eq=False)
class Candidates:
    """The closest latents in both directions, over a range of the latents of a."""

    start: int
    """First latent of a that was looked at."""
    of_a: Neighbours
    """Closest in b, for each latent of a in the range."""
    of_b: Neighbours
    """Closest in a within the range, for each latent of b."""

    @property
    def stop(self) -> int:
        """One past the last latent of a that was looked at."""
        return self.start + int(self.of_a.index.shape[0])

    @property
    def mutual(self) -> Bool[np.ndarray, " n_a"]:
        """Whether a latent of a is the closest of its closest."""
        nearest = self.of_a.nearest
        mine = np.arange(self.start, self.stop)
        return np.asarray((nearest >= 0) & (self.of_b.nearest[nearest] == mine))


def find_candidates(
    similarity: Similarity,
    *,
    k: int = 12,
    rows: range | None = None,
    exclude_diagonal: bool = False,
    progress: bool = True,
) -> Candidates:
    """The k closest latents in both directions, with their similarity in float64.

    Args:
        similarity: Of the two runs.
        k: How many to keep; fewer when the other side has fewer.
        rows: Range of latents of a to look at, for jobs that `merge`; all if None.
        exclude_diagonal: Leave out pairs (i, i), for a run compared with itself.
        progress: Show a bar on stderr when that is a terminal.

    Raises:
        InvalidInputError: k is below 1, or the range is empty or not inside n_a.
    """
    if k < 1:
        raise InvalidInputError(f"k must be at least 1, got {k}")
    n_a, _ = similarity.shape
    span = rows if rows is not None else range(n_a)
    if not (0 <= span.start < span.stop <= n_a and span.step == 1):
        raise InvalidInputError(f"rows must be a non-empty range within 0..{n_a}, got {span}")
    values = similarity.block(slice(span.start, span.stop), slice(None))[0].double()
    if exclude_diagonal:
        values.diagonal(span.start).fill_(-torch.inf)
    of_a, of_b = _closest(values, k), _closest(values.T, k)
    shifted = np.where(of_b.index >= 0, of_b.index + span.start, -1)
    return Candidates(span.start, of_a, Neighbours(shifted, of_b.similarity))


def merge(first: Candidates, second: Candidates) -> Candidates:
    """The candidates of two adjacent ranges of a, as if found in one go; associative.

    Raises:
        InvalidInputError: the second range does not begin where the first ends.
    """
    if first.stop != second.start:
        raise InvalidInputError(
            f"ranges must be adjacent: the first ends at {first.stop}, "
            f"the second begins at {second.start}"
        )
    of_a = Neighbours(
        np.concatenate([first.of_a.index, second.of_a.index]),
        np.concatenate([first.of_a.similarity, second.of_a.similarity]),
    )
    index = np.concatenate([first.of_b.index, second.of_b.index], axis=1)
    values = np.concatenate([first.of_b.similarity, second.of_b.similarity], axis=1)
    order = np.lexsort((index, -values), axis=1)[:, : first.of_b.index.shape[1]]
    return Candidates(
        first.start,
        of_a,
        Neighbours(
            np.take_along_axis(index, order, axis=1), np.take_along_axis(values, order, axis=1)
        ),
    )


def _closest(values: Float64[Tensor, "n m"], k: int) -> Neighbours:
    ordered = values.sort(dim=1, descending=True, stable=True)
    width = min(k, values.shape[1])
    index = np.full((values.shape[0], k), -1, dtype=np.int64)
    similarity = np.full((values.shape[0], k), -np.inf)
    similarity[:, :width] = ordered.values[:, :width].cpu().numpy()
    found = np.isfinite(similarity[:, :width])
    index[:, :width] = np.where(found, ordered.indices[:, :width].cpu().numpy(), -1)
    return Neighbours(index, similarity)
