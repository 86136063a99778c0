"""All statistics of the arrangement of paired rows, each with what it stands on."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, final

import numpy as np
from jaxtyping import Float64

from universality.errors import InvalidInputError
from universality.pair_geometry.arrangement import similarity_of_arrangement
from universality.pair_geometry.canonical import N_COMPONENTS, cross_validated_cca, svcca
from universality.pair_geometry.common_neighbours import N_NEIGHBOURS, mutual_neighbours
from universality.pair_geometry.kernel_alignment import debiased_cka
from universality.pair_geometry.orthogonal_fit import held_out_procrustes
from universality.pair_geometry.paired_rows import as_pairs
from universality.shapes import ARRAY, ArrayLike
from universality.validation import Number, takes

MOST_RANKED = 1024
"""Pairs whose mutual likeness is ranked; of more, so many drawn at random."""
ARRANGEMENT_STATISTICS = (
    "cross_validated_cca",
    "svcca",
    "debiased_cka",
    "rsa",
    "held_out_procrustes",
    "mutual_neighbours",
)
"""Names of all that is read, in the order of tables."""


@final
@dataclass(frozen=True)
class GeometryReading:
    """One statistic of the arrangement of pairs."""

    statistic: str
    """Which: one of `ARRANGEMENT_STATISTICS`."""
    value: float
    """At most 1, which means the same up to a rotation; NaN where it is undefined."""
    n_pairs: int
    """On how many pairs."""
    n_components: int | None = None
    """Principal components of each side, or neighbours of each row; None where neither counts."""
    chance: float | None = None
    """What pairs without any relation give on average, where that is exact."""
    undefined: str = ""
    """Why there is no value; empty where there is one."""

    def as_record(self) -> dict[str, Any]:
        """For JSON: null where there is no number."""
        value = None if math.isnan(self.value) else self.value
        return {**vars(self), "value": value}


@takes(
    x=ARRAY,
    y=ARRAY,
    n_components=Number(1, whole=True),
    n_neighbours=Number(1, whole=True),
    seed=Number(0, whole=True),
)
def geometry_of_pairs(
    x: ArrayLike,
    y: ArrayLike,
    *,
    n_components: int = N_COMPONENTS,
    n_neighbours: int = N_NEIGHBOURS,
    seed: int = 0,
) -> list[GeometryReading]:
    """How alike the rows of x are arranged to those of y, row i of one paired with row i of other.

    The widths may differ: nothing is compared but what rows have to do with each other. Every
    statistic is 1 for rows that are rotated (`svcca` and `cross_validated_cca`: of which the
    leading components are). A statistic that these pairs do not allow says why. Rows paired because
    they are alike are alike by selection: beside real pairs belongs a null that pairs anew, as in
    `compare(..., geometry=True)`, and not one that shuffles them.

    Args:
        x: A row of each pair.
        y: The other.
        n_components: Leading principal components of each side for canonical correlations.
        n_neighbours: Nearest rows of each for `mutual_neighbours`.
        seed: Of the halves of pairs, and of which pairs are ranked where there are many.

    Raises:
        InvalidInputError: an argument does not fit, the sides are no matrices of finite numbers or
            of different length, fewer than four pairs, all rows of a side are equal, or a row
            stands in two pairs.
    """
    rows = as_pairs(x, y)
    return read_geometry(*rows, n_components=n_components, n_neighbours=n_neighbours, seed=seed)


def read_geometry(
    x: Float64[np.ndarray, "n d_x"],
    y: Float64[np.ndarray, "n d_y"],
    *,
    n_components: int = N_COMPONENTS,
    n_neighbours: int = N_NEIGHBOURS,
    seed: int = 0,
) -> list[GeometryReading]:
    """As `geometry_of_pairs`, of rows that are known to be pairs."""
    some = _some(len(x), seed)
    few_x, few_y = x[some], y[some]

    def halved() -> np.random.Generator:
        return np.random.default_rng([seed, 1])

    return [
        _reading(
            "cross_validated_cca",
            lambda: cross_validated_cca(x, y, generator=halved(), n_components=n_components),
            len(x),
            n_components,
            chance=0.0,
        ),
        _reading("svcca", lambda: svcca(x, y, n_components=n_components), len(x), n_components),
        _reading("debiased_cka", lambda: debiased_cka(x, y), len(x)),
        _reading("rsa", lambda: similarity_of_arrangement(few_x, few_y), some.size, chance=0.0),
        _reading(
            "held_out_procrustes", lambda: held_out_procrustes(x, y, generator=halved()), len(x)
        ),
        _reading(
            "mutual_neighbours",
            lambda: mutual_neighbours(few_x, few_y, n_neighbours=n_neighbours),
            some.size,
            n_neighbours,
            chance=min(1.0, n_neighbours / max(1, some.size - 1)),
        ),
    ]


def _reading(
    name: str,
    read: Callable[[], float],
    n_pairs: int,
    n_components: int | None = None,
    *,
    chance: float | None = None,
) -> GeometryReading:
    try:
        value, undefined = read(), ""
    except InvalidInputError as error:
        value, undefined = math.nan, str(error)
    return GeometryReading(name, value, n_pairs, n_components, chance, undefined)


def _some(n_pairs: int, seed: int) -> np.ndarray:
    if n_pairs <= MOST_RANKED:
        return np.arange(n_pairs)
    drawn = np.random.default_rng([seed, 0]).choice(n_pairs, MOST_RANKED, replace=False)
    return np.sort(drawn)
