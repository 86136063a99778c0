"""A partial assignment is completed as the textbook's greedy rule does."""

from __future__ import annotations

import numpy as np
import pytest

from universality.matching.exact.search import complete


@pytest.mark.parametrize("seed", range(5))
def test_it_is_the_greedy_rule(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n_a, n_b = 12, 15
    key = rng.choice(n_a * n_b, size=60, replace=False)
    a, b, value = key // n_b, key % n_b, rng.normal(size=60)
    start = np.full(n_a, -1)
    start[3] = 7
    expected = start.copy()
    for pair in np.argsort(-value):
        if expected[a[pair]] < 0 and b[pair] not in expected:
            expected[a[pair]] = b[pair]
    found = complete(start, a, b, value=value, n_b=n_b)
    reached = expected >= 0
    assert np.array_equal(found[reached], expected[reached])
    assert len(set(found.tolist())) == n_a
    assert found.min() >= 0


def test_without_any_pair_everyone_gets_someone() -> None:
    nothing = np.empty(0, dtype=np.int64)
    found = complete(np.full(4, -1), nothing, nothing, value=np.empty(0), n_b=6)
    assert sorted(found) == [0, 1, 2, 3]
