"""The nearest rows against NumPy, and a statistic of one's own beside unrelated runs."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.made_runs import unit_rows
from universality.errors import InvalidInputError
from universality.matching.nearest import nearest
from universality.nulls.own_statistic import null_of


def _closeness(a: torch.Tensor, b: torch.Tensor) -> float:
    return float(nearest(a, b, 1, progress=False).similarity.mean())


def test_the_nearest_rows_are_those_of_the_whole_matrix() -> None:
    a, b = unit_rows(30, 8, seed=0), unit_rows(50, 8, seed=1)
    found = nearest(3 * a, b, k=10, progress=False)
    whole = a.double().numpy() @ b.double().numpy().T
    np.testing.assert_array_equal(found.index, np.argsort(-whole, axis=1)[:, :10])
    np.testing.assert_allclose(found.similarity, -np.sort(-whole, axis=1)[:, :10], atol=1e-6)
    few = nearest(a, b[:3], k=5, progress=False)
    assert (few.index[:, 3:] == -1).all()


def test_a_shared_run_is_beyond_its_null_and_an_unrelated_one_is_not() -> None:
    a, b = unit_rows(60, 16, seed=0), unit_rows(60, 16, seed=1)
    noise = 0.3 * unit_rows(60, 16, seed=2)
    planted = null_of(_closeness, a, a + noise, null="isotropic", n_draws=19)
    assert planted.p_value == 1 / 20
    assert planted.observed > planted.mean + 5 * planted.sd
    unrelated = null_of(_closeness, a, b, null="isotropic", n_draws=19)
    assert abs(unrelated.observed - unrelated.mean) < 4 * unrelated.sd
    assert len(str(planted).splitlines()) == 3


def test_draws_depend_on_the_seed_alone() -> None:
    a, b = unit_rows(20, 8, seed=0), unit_rows(20, 8, seed=1)
    first, second = (null_of(_closeness, a, b, n_draws=3, seed=5).draws for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert (null_of(_closeness, a, b, n_draws=3, seed=6).draws != first).any()


@pytest.mark.parametrize(
    ("value", "message"),
    [("much", "must give one number, got str"), (float("nan"), "must give a finite number")],
)
def test_what_is_no_statistic_is_said(value: object, message: str) -> None:
    a = unit_rows(4, 3, seed=0)
    with pytest.raises(InvalidInputError, match=message):
        null_of(lambda x, y: value, a, a)  # type: ignore[arg-type, return-value]
    with pytest.raises(InvalidInputError, match="rows of width 3, b of width 2"):
        null_of(_closeness, a, unit_rows(4, 2, seed=0))
