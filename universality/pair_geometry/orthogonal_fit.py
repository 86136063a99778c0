"""Procrustes: the rotation that lays one side onto the other, judged where it was not fitted.

Centred, with C = x'y = U S V', the best rotation (for different widths: partial isometry) is U V',
and the correlation it reaches is the nuclear norm sum(S) / (||x|| ||y||). In sample it is .92 for
200 independent pairs of widths 512 and 768 and .15 for 20,000 (`analysis.arrangement_nulls`): a
rotation of d dimensions fits n < d pairs of anything. Fitted on half of the pairs and judged on the
others it is 0 on average for independent rows, and 1 for rotated rows, once half of the pairs span
the space; directions that the fit never saw count as lost.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float64

from universality.pair_geometry.paired_rows import centred, check_enough, halves

_NEGLIGIBLE = 1e-10


def fit_rotation(
    x: Float64[np.ndarray, "n d_x"], y: Float64[np.ndarray, "n d_y"]
) -> Float64[np.ndarray, "d_x d_y"]:
    """The partial isometry R for which x R is closest to y, both centred.

    Directions that x and y do not span together are mapped to zero.
    """
    return rotation_of(x.T @ y)


def rotation_of(products: Float64[np.ndarray, "d_x d_y"]) -> Float64[np.ndarray, "d_x d_y"]:
    """As `fit_rotation`, from the summed products x'y."""
    left, lengths, right = np.linalg.svd(products, full_matrices=False)
    spanned = lengths > _NEGLIGIBLE * lengths[0]
    return np.asarray(left[:, spanned] @ right[spanned])


def procrustes(x: Float64[np.ndarray, "n d_x"], y: Float64[np.ndarray, "n d_y"]) -> float:
    """Correlation after the best rotation, in sample, in [0, 1]; its null is far above 0.

    Raises:
        InvalidInputError: the rows of a side are all the same.
    """
    one, other = centred(x, "x"), centred(y, "y")
    reached = np.linalg.svd(one.T @ other, compute_uv=False).sum()
    return float(reached / (np.linalg.norm(one) * np.linalg.norm(other)))


def held_out_procrustes(
    x: Float64[np.ndarray, "n d_x"],
    y: Float64[np.ndarray, "n d_y"],
    *,
    generator: np.random.Generator,
) -> float:
    """Correlation after a rotation that was fitted on the other half of the pairs, in [-1, 1].

    Mean of both ways round; each half is centred by the mean of the half that was fitted.

    Raises:
        InvalidInputError: fewer than four pairs, or the rows of a half are all the same.
    """
    check_enough(len(x))
    found = []
    for fit, judge in halves(len(x), generator):
        turn = fit_rotation(centred(x[fit], "x"), centred(y[fit], "y"))
        one, other = (rows[judge] - rows[fit].mean(axis=0) for rows in (x, y))
        found.append(float((one @ turn * other).sum()) / _lengths(one, other))
    return float(np.mean(found))


def _lengths(x: np.ndarray, y: np.ndarray) -> float:
    product = float(np.linalg.norm(x) * np.linalg.norm(y))
    return max(product, float(np.finfo(np.float64).tiny))
