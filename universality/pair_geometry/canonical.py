"""Canonical correlations of leading components: SVCCA at a fixed number of them, and held out.

Centred, x and y span subspaces of R^(n-1), one coordinate for each pair but one; the canonical
correlations are the cosines of the principal angles between the spans of the leading k components.
Independent spans of dimensions k_x and k_y have a mean *squared* correlation of max(k_x, k_y) /
(n - 1), however different the two spaces are, and once k_x + k_y > n - 1 they must meet: some
correlations are 1 by necessity. Keeping 99 % of the variance keeps nearly all of d components: its
mean is .97 for 200 pairs of independent rows and .18 for 20,000 (`analysis.arrangement_nulls`). So
the number is fixed here, and small beside n; or the directions are found on half of the pairs and
their correlations taken on the other half, where independent rows give 0 whatever k is.

One direction shared by both spaces that leads in both, all else independent: held out, one of k
correlations is 1 and the others are 0 on average, hence 1/k. In sample the other k - 1 are what the
null has: 1/k + (1 - 1/k) times the null's mean. (Raghu et al. 2017, arXiv:1706.05806.)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np
from jaxtyping import Float64, Int64
from scipy.linalg import eigh

from universality.errors import InvalidInputError
from universality.pair_geometry.paired_rows import centred, halves

N_COMPONENTS = 20
"""Leading components that are compared, if not said otherwise."""
_NEGLIGIBLE = 1e-7


@final
@dataclass(frozen=True, eq=False)
class Components:
    """The leading principal components of rows."""

    mean: Float64[np.ndarray, " d"]
    """What was taken away."""
    axes: Float64[np.ndarray, "d k"]
    """Orthonormal columns, the most variance first."""
    lengths: Float64[np.ndarray, " k"]
    """Root of the sum of squares along each."""

    def whitened(self, rows: Float64[np.ndarray, "n d"]) -> Float64[np.ndarray, "n k"]:
        """Coordinates of rows along the axes, of unit length on the rows that these are of."""
        return np.asarray((rows - self.mean) @ self.axes / self.lengths)


def leading_components(
    rows: Float64[np.ndarray, "n d"], n_components: int, name: str
) -> Components:
    """The leading components of rows; O(n d min(n, d)).

    Raises:
        InvalidInputError: the rows spread in fewer directions, or are all the same.
    """
    spread = centred(rows, name)
    values, axes = _spectrum(spread, most=n_components)
    rank = int((values > _NEGLIGIBLE**2 * values[0]).sum())
    if rank < n_components:
        raise InvalidInputError(
            f"{len(rows)} rows of {name} spread in {rank} directions, fewer than {n_components} "
            "components: ask for fewer components, or give more pairs"
        )
    return Components(rows.mean(axis=0), axes, np.sqrt(values))


def n_explaining(rows: Float64[np.ndarray, "n d"], share: float, name: str) -> int:
    """How many leading components hold this share of the variance of rows.

    Raises:
        InvalidInputError: the rows are all the same.
    """
    values, _ = _spectrum(centred(rows, name))
    return min(int(np.searchsorted(np.cumsum(values) / values.sum(), share)) + 1, values.size)


def canonical_correlations(
    x: Float64[np.ndarray, "n d_x"],
    y: Float64[np.ndarray, "n d_y"],
    n_components: tuple[int, int],
) -> Float64[np.ndarray, " k"]:
    """The correlations of the leading components of x and of y, in [0, 1], largest first.

    Raises:
        InvalidInputError: both together are as many components as there are pairs, or more than
            the rows have.
    """
    _check_room(len(x), n_components)
    (one, k_x), (other, k_y) = zip((x, y), n_components, strict=True)
    of_x = leading_components(one, k_x, "x").whitened(x)
    of_y = leading_components(other, k_y, "y").whitened(y)
    return np.asarray(np.linalg.svd(of_x.T @ of_y, compute_uv=False).clip(0, 1))


def svcca(
    x: Float64[np.ndarray, "n d_x"],
    y: Float64[np.ndarray, "n d_y"],
    *,
    n_components: int = N_COMPONENTS,
) -> float:
    """Mean canonical correlation of a fixed number of leading components, in [0, 1].

    Its null is about sqrt(k / n), not 0: read it beside one.

    Raises:
        InvalidInputError: as `canonical_correlations`.
    """
    return float(canonical_correlations(x, y, (n_components, n_components)).mean())


def cross_validated_cca(
    x: Float64[np.ndarray, "n d_x"],
    y: Float64[np.ndarray, "n d_y"],
    *,
    generator: np.random.Generator,
    n_components: int = N_COMPONENTS,
) -> float:
    """Mean correlation of canonical directions on the half of pairs they were not found on.

    In [-1, 1], over the directions and both ways round; 0 on average for independent rows.

    Raises:
        InvalidInputError: twice the components are as many as half of the pairs, or more than the
            rows have.
    """
    _check_room(len(x) // 2, (n_components, n_components), of="half of the pairs")
    folds = halves(len(x), generator)
    found = [_held_out(x, y, fold, n_components) for fold in folds]
    return float(np.mean(found))


def _check_room(n_pairs: int, n_components: tuple[int, int], *, of: str = "pairs") -> None:
    """Nothing, where the components of both sides do not have to meet.

    Raises:
        InvalidInputError: there are as many of them as pairs.
    """
    if min(n_components) < 1:
        raise InvalidInputError(f"the number of components must be at least 1, got {n_components}")
    if sum(n_components) >= n_pairs:
        raise InvalidInputError(
            f"{n_components[0]} and {n_components[1]} components of {n_pairs} ({of}): together "
            "as many as there are pairs they correlate by necessity; ask for fewer components, or "
            "give more pairs"
        )


def _held_out(
    x: np.ndarray,
    y: np.ndarray,
    fold: tuple[Int64[np.ndarray, " _"], Int64[np.ndarray, " _"]],
    k: int,
) -> float:
    fit, judge = fold
    of_x, of_y = (leading_components(rows[fit], k, name) for rows, name in ((x, "x"), (y, "y")))
    turn_x, _, turn_y = np.linalg.svd(of_x.whitened(x[fit]).T @ of_y.whitened(y[fit]))
    seen_x, seen_y = of_x.whitened(x[judge]) @ turn_x, of_y.whitened(y[judge]) @ turn_y.T
    seen_x, seen_y = seen_x - seen_x.mean(axis=0), seen_y - seen_y.mean(axis=0)
    lengths = np.linalg.norm(seen_x, axis=0) * np.linalg.norm(seen_y, axis=0)
    together = (seen_x * seen_y).sum(axis=0)
    return float(np.divide(together, lengths, out=np.zeros(k), where=lengths > 0).mean())


def _spectrum(spread: np.ndarray, most: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Sums of squares along the principal axes, largest first, and the axes as columns."""
    n, d = spread.shape
    if n >= d:
        least = 0 if most is None else max(0, d - most)
        values, axes = eigh(spread.T @ spread, subset_by_index=(least, d - 1))
        return values[::-1].clip(0), axes[:, ::-1]
    _, lengths, across = np.linalg.svd(spread, full_matrices=False)
    return lengths[:most] ** 2, across[:most].T
