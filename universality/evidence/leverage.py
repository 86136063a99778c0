"""How few tokens carry a correlation, and what is left of it without them.

A Pearson correlation can be made by one token: where a model gives a token a norm of forty, every
latent that leans that way fires on it more than on all else, and any two of them correlate near 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
from jaxtyping import Float64, Int64
from scipy import sparse

from universality.codes import Codes, token_range

LEFT_OUT = 3
"""How many of the tokens that contribute most are left out."""

_PAIRS_PER_STEP = 1024


@final
@dataclass(frozen=True, eq=False)
class Leverage:
    """What single tokens do to the correlation of pairs of latents."""

    carrying: Int64[np.ndarray, " n_pairs"]
    """The fewest tokens whose contributions add up to half of the correlation; 0 where it is not
    positive (its size, where signs are dropped)."""
    without: Float64[np.ndarray, " n_pairs"]
    """The correlation over all tokens but the three that contribute most; NaN where a latent does
    not vary on the others."""


def leverage(
    a: Codes,
    b: Codes,
    pairs: tuple[Int64[np.ndarray, " n_pairs"], Int64[np.ndarray, " n_pairs"]],
    *,
    absolute: bool = False,
) -> Leverage:
    """What single tokens do to the Pearson correlation of each pair.

    Costs one pass over the codes of the pairs.

    Args:
        a: Codes of the first run.
        b: Codes of the second run on the same tokens.
        pairs: Latents of a, and of b.
        absolute: Whether the sign of a correlation is dropped.
    """
    carrying = np.zeros(pairs[0].size, dtype=np.int64)
    without = np.full(pairs[0].size, np.nan)
    for start in range(0, pairs[0].size, _PAIRS_PER_STEP):
        part = slice(start, start + _PAIRS_PER_STEP)
        x, y = _rows(a, pairs[0][part]), _rows(b, pairs[1][part])
        for row in range(x.shape[0]):
            found = _of_pair(_row(x, row), _row(y, row), a.n_tokens, absolute)
            carrying[start + row], without[start + row] = found
    return Leverage(carrying, without)


def _rows(codes: Codes, latents: Int64[np.ndarray, " n"]) -> sparse.csr_array:
    return token_range(codes, range(codes.n_tokens), latents=latents).astype(np.float64)


def _row(codes: sparse.csr_array, row: int) -> tuple[np.ndarray, np.ndarray]:
    """Tokens on which one latent fires, ascending, and its codes there."""
    own = slice(*codes.indptr[row : row + 2])
    return codes.indices[own], codes.data[own]


def _of_pair(
    x: tuple[np.ndarray, np.ndarray],
    y: tuple[np.ndarray, np.ndarray],
    n_tokens: int,
    absolute: bool,
) -> tuple[int, float]:
    _, at_x, at_y = np.intersect1d(x[0], y[0], assume_unique=True, return_indices=True)
    both_x, both_y = x[1][at_x], y[1][at_y]
    sums = np.array(
        [x[1].sum(), y[1].sum(), x[1] @ x[1], y[1] @ y[1], both_x @ both_y], dtype=np.float64
    )
    total = _covariance(sums, n_tokens)[0] * n_tokens
    sign = -1.0 if absolute and total < 0 else 1.0
    share = sign * (both_x - sums[0] / n_tokens) * (both_y - sums[1] / n_tokens)
    order = np.argsort(-share, kind="stable")
    half = np.searchsorted(np.cumsum(share[order]), sign * total / 2) + 1
    most = order[:LEFT_OUT]
    u, v = both_x[most], both_y[most]
    left = sums - [u.sum(), v.sum(), u @ u, v @ v, u @ v]
    r = _correlation(left, n_tokens - most.size)
    return int(half) if sign * total > 0 else 0, abs(r) if absolute else r


def _covariance(sums: Sequence[float] | np.ndarray, n: int) -> tuple[float, float, float]:
    """Covariance and both variances, from sums over n tokens."""
    x, y, xx, yy, xy = (value / n for value in sums)
    return float(xy - x * y), float(xx - x * x), float(yy - y * y)


def _correlation(sums: np.ndarray, n: int) -> float:
    covariance, *variances = _covariance(sums, n)
    squares = sums[2:4] / n
    if min(variances) <= 1e-12 * max(float(squares.max()), 1e-300):
        return float("nan")
    return covariance / float(np.sqrt(variances[0] * variances[1]))
