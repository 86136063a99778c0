"""Pairs of matrices on which an assignment can go wrong, and SciPy's dense answer for them."""

from __future__ import annotations

import numpy as np
from scipy.optimize import linear_sum_assignment

KINDS = (
    "random",
    "half shared",
    "duplicated rows",
    "all rows equal",
    "clusters",
    "low rank",
    "one dimension",
    "zero rows",
    "sign flipped",
)


def problem(
    kind: str, n_a: int, n_b: int, *, d: int = 16, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Rows of two runs of the kind."""
    rng = np.random.default_rng(seed)
    a, b = rng.normal(size=(n_a, d)), rng.normal(size=(n_b, d))
    n = min(n_a, n_b)
    match kind:
        case "half shared":
            b[: n // 2] = a[: n // 2] + rng.uniform(0, 1, (n // 2, 1)) * b[: n // 2]
        case "duplicated rows":
            a, b = a[rng.integers(0, n_a, n_a)], a[rng.integers(0, n_a, n_b)]
        case "all rows equal":
            a[:], b[:] = a[0], a[0]
        case "clusters":
            centres = rng.normal(size=(5, d))
            a = centres[rng.integers(0, 5, n_a)] + 1e-6 * a
            b = centres[rng.integers(0, 5, n_b)] + 1e-6 * b
        case "low rank":
            basis = rng.normal(size=(2, d))
            a, b = a[:, :2] @ basis, b[:, :2] @ basis
        case "one dimension":
            a, b = a[:, :1], b[:, :1]
        case "zero rows":
            a[rng.random(n_a) < 0.5], b[rng.random(n_b) < 0.5] = 0, 0
        case "sign flipped":
            b[:n] = -a[:n]
        case _:
            pass
    return a, b[rng.permutation(n_b)]


def cosines(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """All cosines in float64; zero rows give 0."""
    norms = [np.linalg.norm(side.astype(np.float64), axis=1, keepdims=True) for side in (a, b)]
    left, right = (
        side / np.where(norm > 0, norm, 1) for side, norm in zip((a, b), norms, strict=True)
    )
    return np.asarray(left @ right.T)


def best_total(values: np.ndarray) -> float:
    """The largest total of an assignment, by SciPy's dense solver."""
    return float(values[linear_sum_assignment(values, maximize=True)].sum())
