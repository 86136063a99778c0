"""RSA: are the rows of pairs as far from each other on one side as on the other?

Spearman's correlation, over all pairs of rows, of their likeness on either side. Independent rows
give 0 on average at any number of pairs and any width, since a rank correlation is centred; what
both sides have in common but not pair by pair (two clusters of equal sizes, paired at random) gives
0 too. Likeness is the cosine of rows without the mean row. (Lan et al. correlate the coordinates of
two rows, which takes away each row's own mean over coordinates: that depends on the basis.)
"""

from __future__ import annotations

from typing import Literal, TypeAlias, assert_never

import numpy as np
from jaxtyping import Float64

from universality.errors import InvalidInputError
from universality.pair_geometry.paired_rows import check_enough

Likeness: TypeAlias = Literal["cosine", "correlation"]
"""Of two rows: the cosine after the mean row is taken away, or Pearson's over coordinates."""


def similarity_of_arrangement(
    x: Float64[np.ndarray, "n d_x"],
    y: Float64[np.ndarray, "n d_y"],
    *,
    likeness: Likeness = "cosine",
) -> float:
    """RSA, in [-1, 1]; O(n^2) memory. A row without direction is like no other (0).

    Raises:
        InvalidInputError: fewer than four pairs, or a side in which all are equally alike.
    """
    check_enough(len(x))
    first, second = (upper_triangle(rows_alike(rows, likeness)) for rows in (x, y))
    from scipy.stats import rankdata  # a second of imports that most commands do without

    ranks = [rankdata(one) for one in (first, second)]
    if any(one.min() == one.max() for one in ranks):
        raise InvalidInputError("all rows of a side are equally alike: they have no arrangement")
    return float(np.corrcoef(ranks[0], ranks[1])[0, 1])


def rows_alike(rows: Float64[np.ndarray, "n d"], likeness: Likeness) -> Float64[np.ndarray, "n n"]:
    """How alike every two rows are; 0 where one has no direction."""
    match likeness:
        case "cosine":
            spread = rows - rows.mean(axis=0)
        case "correlation":
            spread = rows - rows.mean(axis=1, keepdims=True)
        case _:
            assert_never(likeness)
    lengths = np.linalg.norm(spread, axis=1, keepdims=True)
    scale = max(float(np.abs(rows).max()), np.finfo(np.float64).tiny)
    unit = np.divide(spread, lengths, out=np.zeros_like(spread), where=lengths > 1e-12 * scale)
    return np.asarray(unit @ unit.T)


def upper_triangle(matrix: Float64[np.ndarray, "n n"]) -> Float64[np.ndarray, " n_pairs"]:
    """The entries above the diagonal."""
    return np.asarray(matrix[np.triu_indices(len(matrix), k=1)])
