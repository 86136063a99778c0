"""Linear CKA of paired rows, and the same without its bias.

With Gram matrices K = x x' and L = y y' of n pairs,
CKA = HSIC(K, L) / sqrt(HSIC(K, K) HSIC(L, L)).
The plain estimate, ||Xc' Yc||^2 / (||Xc' Xc|| ||Yc' Yc||), counts each row's product with itself.
For independent isotropic rows it is about sqrt(a b), a = d_x / (n + d_x), b = d_y / (n + d_y): .75
for 200 pairs of widths 512 and 768, .03 for 20,000 (`analysis.arrangement_nulls`). The unbiased
estimate of Song et al. (2012) leaves the diagonals out:

    HSIC_u(K, L) = [tr(K~ L~) + 1'K~1 1'L~1 / ((n-1)(n-2)) - 2/(n-2) 1'K~L~1] / (n (n-3)),

K~ and L~ with zero diagonals, and has expectation 0 for independent rows; so its ratio, debiased
CKA, is 0 on average to order 1/n, and 1 for a rotation with any scale. It is the cosine of K and L
after U-centring (Szekely and Rizzo), hence in [-1, 1].
In features: tr(K~L~) = ||X'Y||^2 - sum_i |x_i|^2 |y_i|^2, K~1 = X (X'1) - |x_i|^2. O(n d_x d_y).
(Kornblith et al. 2019, arXiv:1905.00414, name the statistic; Murphy et al. 2024, arXiv:2405.01012,
the bias. netrep's `LinearCKA` is an angle, arccos of this.)
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float64

from universality.errors import InvalidInputError
from universality.pair_geometry.paired_rows import centred, check_enough

_NEGLIGIBLE = 1e-12


def cka(x: Float64[np.ndarray, "n d_x"], y: Float64[np.ndarray, "n d_y"]) -> float:
    """Linear CKA in sample, in [0, 1]: far above 0 for independent rows unless n is far above d.

    Raises:
        InvalidInputError: the rows of a side are all the same.
    """
    one, other = centred(x, "x"), centred(y, "y")
    between = _square(one.T @ other)
    return float(between / np.sqrt(_within(one) * _within(other)))


def debiased_cka(x: Float64[np.ndarray, "n d_x"], y: Float64[np.ndarray, "n d_y"]) -> float:
    """Linear CKA from unbiased estimates, in [-1, 1]: 0 on average for independent rows.

    Raises:
        InvalidInputError: fewer than four pairs, or the rows of a side are all the same or all
            equally alike.
    """
    check_enough(len(x))
    one, other = centred(x, "x"), centred(y, "y")
    own = [_unbiased_hsic(rows, rows) for rows in (one, other)]
    for name, rows, value in zip("xy", (one, other), own, strict=True):
        if value * len(rows) ** 2 <= _NEGLIGIBLE * _within(rows):
            raise InvalidInputError(
                f"the {len(rows)} rows of {name} are all equally alike, so that debiased CKA has "
                "nothing to compare: give more pairs"
            )
    return float(_unbiased_hsic(one, other) / np.sqrt(own[0] * own[1]))


def _unbiased_hsic(x: np.ndarray, y: np.ndarray) -> float:
    n = len(x)
    own = [(rows * rows).sum(axis=1) for rows in (x, y)]
    sums = [rows @ rows.sum(axis=0) - sizes for rows, sizes in zip((x, y), own, strict=True)]
    trace = _square(x.T @ y) - own[0] @ own[1]
    whole = sums[0].sum() * sums[1].sum() / ((n - 1) * (n - 2))
    return float((trace + whole - 2 / (n - 2) * (sums[0] @ sums[1])) / (n * (n - 3)))


def _within(rows: np.ndarray) -> float:
    return _square(rows.T @ rows if len(rows) >= rows.shape[1] else rows @ rows.T)


def _square(matrix: np.ndarray) -> float:
    return float((matrix * matrix).sum())
