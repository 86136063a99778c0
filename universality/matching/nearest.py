"""The closest few rows of another run, for every row."""

from __future__ import annotations

import torch

from universality.matching.candidates import find_candidates
from universality.matching.neighbours import Neighbours
from universality.shapes import ARRAY, ArrayLike, as_matrix
from universality.similarity import Cosine
from universality.validation import DEVICE, FLAG, Number, takes


@takes(a=ARRAY, b=ARRAY, k=Number(1, whole=True), absolute=FLAG, device=DEVICE, progress=FLAG)
def nearest(
    a: ArrayLike,
    b: ArrayLike,
    k: int = 10,
    *,
    absolute: bool = False,
    device: torch.device | str | None = None,
    progress: bool = True,
) -> Neighbours:
    """The k rows of b with the largest cosine to each row of a, closest first.

    Exact in float64, with equally close rows in ascending order; the full matrix never exists.
    `null_of` puts any number made from them beside unrelated runs.

    Args:
        a: Rows that are looked at, any floating dtype and scale; zero rows have cosine 0.
        b: Rows among which the nearest are sought, of the same width.
        k: How many; where b has fewer rows, the rest have index -1.
        absolute: Ignore the sign of the cosines.
        device: Where to compute; where `a` lies if None.
        progress: Show a bar on stderr when that is a terminal.

    Raises:
        InvalidInputError: a matrix is malformed, the widths differ, or an argument does not fit.
    """
    rows_a, rows_b = as_matrix(a, "a"), as_matrix(b, "b")
    similarity = Cosine.between(rows_a, rows_b, absolute=absolute, device=device)
    return find_candidates(similarity, k=k, progress=progress).of_a
