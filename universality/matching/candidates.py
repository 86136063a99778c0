"""The closest few of every latent, found block by block; row ranges merge."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import final

import numpy as np
from jaxtyping import Bool

from universality.compute.watch import Watch
from universality.errors import InvalidInputError
from universality.matching.exact.listed import ListedPairs
from universality.matching.exact.screening import screen
from universality.matching.foreign import checked
from universality.matching.neighbours import Neighbours, closest
from universality.matching.tiling import Tiling
from universality.similarity import Similarity, Transposed


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
    listed: ListedPairs
    """Further close pairs, from which an assignment can start."""

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
    k: int = 2,
    rows: range | None = None,
    progress: bool = True,
    tiling: Tiling | None = None,
) -> Candidates:
    """The k closest latents in both directions, with their similarity in float64.

    Looks at every pair once, coarsely, and again in float64 at those that may be among the
    closest. Similarities within 1e-12 of each other count as equal.

    Args:
        similarity: Of the two runs.
        k: How many to keep; fewer when the other side has fewer.
        rows: Range of latents of a to look at, for jobs that `merge`; all if None.
        progress: Show a bar on stderr when that is a terminal.
        tiling: How the work is cut.

    Raises:
        InvalidInputError: k is below 1, the range is empty or not inside n_a, or a similarity is
            NaN or infinite.
    """
    if k < 1:
        raise InvalidInputError(f"k must be at least 1, got {k}")
    n_a, n_b = similarity.shape
    span = rows if rows is not None else range(n_a)
    if not (0 <= span.start < span.stop <= n_a and span.step == 1):
        raise InvalidInputError(f"rows must be a non-empty range within 0..{n_a}, got {span}")
    tiling = tiling if tiling is not None else Tiling()
    tiling = replace(tiling, width=max(tiling.width, 4 * k))
    similarity = checked(similarity)
    with Watch(progress=progress) as watch:
        listed = screen(similarity, span, tiling=tiling, watch=watch)
        of_a = closest(
            similarity,
            listed,
            k=k,
            latents=span,
            others=range(n_b),
        )
        of_b = closest(
            Transposed(similarity),
            listed.transposed(),
            k=k,
            latents=range(n_b),
            others=span,
        )
    return Candidates(span.start, of_a, of_b, listed)


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
    order = np.argsort(-values, axis=1, kind="stable")[:, : first.of_b.index.shape[1]]
    of_b = Neighbours(
        np.take_along_axis(index, order, axis=1), np.take_along_axis(values, order, axis=1)
    )
    return Candidates(first.start, of_a, of_b, first.listed.then(second.listed))
