"""Do the rows of a pair have the same neighbours on both sides?

For each pair its k most alike rows on either side (cosine without the mean row), and the share that
both lists have in common, averaged over pairs. A list of k out of n - 1 drawn without regard to the
other has k / (n - 1) in common, exactly. Local where the other statistics are global: clusters that
keep their members and lie anywhere score high. (`mutual_knn` of Huh et al. 2024, arXiv:2405.07987.)
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float64, Int64

from universality.errors import InvalidInputError
from universality.pair_geometry.arrangement import rows_alike

N_NEIGHBOURS = 10
"""Neighbours of each row that are compared, if not said otherwise."""


def mutual_neighbours(
    x: Float64[np.ndarray, "n d_x"],
    y: Float64[np.ndarray, "n d_y"],
    *,
    n_neighbours: int = N_NEIGHBOURS,
) -> float:
    """Share of the nearest rows that both sides have in common, in [0, 1]; chance k / (n - 1).

    Ties go to the row that stands first. O(n^2) memory.

    Raises:
        InvalidInputError: there are no more other rows than neighbours.
    """
    if not 1 <= n_neighbours < len(x) - 1:
        raise InvalidInputError(
            f"{n_neighbours} neighbours of {len(x)} pairs: ask for at least one, and for fewer "
            "than there are other rows"
        )
    first, second = (_nearest(rows, n_neighbours) for rows in (x, y))
    together = np.concatenate([first, second], axis=1)
    together.sort(axis=1)
    in_common = (together[:, 1:] == together[:, :-1]).sum(axis=1)
    return float(in_common.mean() / n_neighbours)


def _nearest(rows: np.ndarray, k: int) -> Int64[np.ndarray, "n k"]:
    alike = rows_alike(rows, "cosine")
    np.fill_diagonal(alike, -np.inf)
    return np.asarray(np.argsort(-alike, axis=1, kind="stable")[:, :k])
