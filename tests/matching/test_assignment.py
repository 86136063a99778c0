"""The assignment against SciPy's dense optimum, and its certificate against tampering."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment

import universality as un


def _cosine(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return (a / np.linalg.norm(a, axis=1)[:, None]) @ (b / np.linalg.norm(b, axis=1)[:, None]).T


@pytest.mark.parametrize(("n_a", "n_b"), [(1, 1), (7, 7), (30, 50), (50, 30), (200, 200)])
def test_total_is_scipys_optimum_and_verifies(n_a: int, n_b: int) -> None:
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(n_a, 16)), rng.normal(size=(n_b, 16))
    matching = un.match(a, b)
    values = _cosine(a, b)
    best = values[linear_sum_assignment(values, maximize=True)].sum()
    assert abs(matching.total - best) < 1e-9
    assert matching.certified
    assert un.verify(matching, a, b)


def test_verify_rejects_tampering() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(30, 16)), rng.normal(size=(40, 16))
    matching = un.match(a, b)
    swapped = matching.b.copy()
    swapped[:2] = swapped[1::-1]
    changed = matching.v.copy()
    changed[matching.b[0]] += 1e-3
    assert not un.verify(replace(matching, b=swapped), a, b)
    assert not un.verify(replace(matching, v=changed), a, b)
