"""Rows in pairs, checked: what every statistic of arrangement starts from."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float64

from universality.errors import InvalidInputError
from universality.shapes import ArrayLike, as_matrix

FEWEST_PAIRS = 4
"""Below, no statistic here is defined: unbiased products need four, halves need two each."""


def as_pairs(x: ArrayLike, y: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Both sides in float64, checked to be pairs of different rows.

    Raises:
        InvalidInputError: not matrices of finite numbers, of different length, fewer than four
            pairs, all rows of a side equal, or a row that stands in two pairs.
    """
    rows = [as_matrix(side, name).double().cpu().numpy() for side, name in ((x, "x"), (y, "y"))]
    if len(rows[0]) != len(rows[1]):
        raise InvalidInputError(
            f"x has {len(rows[0])} rows and y has {len(rows[1])}: row i of x and row i of y are a "
            "pair, so give equally many"
        )
    check_enough(len(rows[0]))
    for side, name in zip(rows, ("x", "y"), strict=True):
        _check_different(side, name)
    return rows[0], rows[1]


def check_enough(n_pairs: int) -> None:
    """Nothing, where there are pairs enough for any statistic.

    Raises:
        InvalidInputError: there are fewer than four.
    """
    if n_pairs < FEWEST_PAIRS:
        raise InvalidInputError(
            f"the arrangement of {n_pairs} pairs says nothing: give at least {FEWEST_PAIRS}"
        )


def centred(rows: Float64[np.ndarray, "n d"], name: str) -> Float64[np.ndarray, "n d"]:
    """The rows without their mean.

    Raises:
        InvalidInputError: the rows are all the same.
    """
    mean = rows.mean(axis=0)
    found = rows - mean
    if not np.abs(found).max() > 1e-12 * max(1.0, float(np.abs(mean).max())):
        raise InvalidInputError(f"the rows of {name} are all the same: they have no arrangement")
    return np.asarray(found)


def halves(
    n_pairs: int, generator: np.random.Generator
) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """The pairs in two random halves: each once to fit on, with the other to judge on."""
    order = generator.permutation(n_pairs)
    first, second = np.sort(order[: n_pairs // 2]), np.sort(order[n_pairs // 2 :])
    return (first, second), (second, first)


def _check_different(rows: np.ndarray, name: str) -> None:
    _, first, counts = np.unique(rows, axis=0, return_index=True, return_counts=True)
    if len(first) == 1:
        raise InvalidInputError(f"the rows of {name} are all the same: they have no arrangement")
    if len(first) < len(rows):
        repeated = int(first[counts > 1][0])
        again = int(np.flatnonzero((rows == rows[repeated]).all(axis=1))[1])
        raise InvalidInputError(
            f"rows {repeated} and {again} of {name} are the same: each row may stand in one pair "
            "only (pair one to one, for example with `match`, and leave out repetitions)"
        )
