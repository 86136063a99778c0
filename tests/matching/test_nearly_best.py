"""An assignment within a stated gap: valid, its bound above the optimum that SciPy finds."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.optimize import linear_sum_assignment

from tests.matching.problems import KINDS, cosines, problem
from universality.matching.nearly_best import assign_nearly, closest_few

GAP = 5e-5


def whole(kind: str, n_a: int, n_b: int) -> torch.Tensor:
    return torch.from_numpy(cosines(*problem(kind, n_a, n_b))).float()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("n_a", "n_b"), [(60, 60), (40, 75), (75, 40), (1, 9), (9, 1)])
def test_it_is_within_the_gap_of_the_best_and_its_bound_above_it(
    kind: str, n_a: int, n_b: int
) -> None:
    values = whole(kind, n_a, n_b)
    found = assign_nearly(values, closest_few(values), gap=GAP)
    exact = values.double().numpy()
    best = float(exact[linear_sum_assignment(exact, maximize=True)].sum())
    assert found.n_pairs == min(n_a, n_b) == len(set(found.a)) == len(set(found.b))
    np.testing.assert_array_equal(np.sort(found.a), found.a)
    np.testing.assert_array_equal(found.similarity, exact[found.a, found.b])
    rounding = 1e-6 * found.n_pairs
    assert best - GAP * found.n_pairs - rounding <= found.total <= best + rounding
    assert found.upper_bound >= best - rounding
    assert (exact <= found.u[:, None] + found.v[None] + 1e-6).all()


def test_the_closest_few_come_closest_first_and_both_ways() -> None:
    values = whole("random", 30, 20)
    near = closest_few(values, k=4)
    exact = values.double().numpy()
    for found, table in ((near.of_a, exact), (near.of_b, exact.T)):
        np.testing.assert_array_equal(found.similarity, -np.sort(-table, axis=1)[:, :4])
        np.testing.assert_array_equal(
            np.take_along_axis(table, found.index, axis=1), found.similarity
        )
    assert closest_few(values, k=64).of_a.index.shape == (30, 20)


def test_more_than_the_first_few_are_looked_at_where_they_do_not_suffice() -> None:
    """Every row is closest to the same few columns: most pairs of the best are not listed."""
    rng = np.random.default_rng(0)
    popular = np.where(np.arange(120) < 20, 0.5, 0.0)
    values = torch.from_numpy(popular + 0.3 * rng.random((120, 120))).float()
    found = assign_nearly(values, closest_few(values), gap=GAP)
    exact = values.double().numpy()
    best = float(exact[linear_sum_assignment(exact, maximize=True)].sum())
    assert best - found.total <= GAP * 120
    assert found.gap <= GAP * 120
