"""A user's own similarity, of any size: solved like SciPy's, proven for its size, or refused."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
import torch
from scipy.optimize import linear_sum_assignment

from tests.matching.problems import problem
from universality.errors import InvalidInputError
from universality.matching import assign, find_candidates
from universality.matching.foreign import Checked, at_unit_scale, is_ours
from universality.matching.tiling import Tiling
from universality.similarity import Cosine, Others, Transposed

SMALL = Tiling(block_rows=64, block_cols=128, dense_below=32)


@dataclass(frozen=True, eq=False)
class Table:
    """Any matrix as a similarity, without any promise."""

    values: np.ndarray

    @property
    def shape(self) -> tuple[int, int]:
        n_a, n_b = self.values.shape
        return n_a, n_b

    @property
    def device(self) -> torch.device:
        return torch.device("cpu")

    @property
    def ceiling(self) -> float:
        return float(np.nanmax(self.values))

    def block(
        self, rows: slice | torch.Tensor, cols: slice | torch.Tensor, *, fine: bool = False
    ) -> tuple[torch.Tensor, float]:
        return torch.from_numpy(self.values)[rows][:, cols].clone(), 0.0

    def at(self, i: torch.Tensor, j: torch.Tensor) -> torch.Tensor:
        return torch.from_numpy(self.values)[i, j]


def _values(n_a: int, n_b: int, *, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n_a, n_b))


@pytest.mark.parametrize("shape", [(20, 20), (90, 90), (70, 110), (110, 70)])
@pytest.mark.parametrize("scale", [1.0, 1e8, 1e-8, -1e8, 1e-300, 1e300])
def test_the_total_is_scipys_at_every_scale(shape: tuple[int, int], scale: float) -> None:
    values = _values(*shape) * scale
    found = assign(Table(values), tiling=SMALL, progress=False)
    best = values[linear_sum_assignment(values, maximize=True)].sum()
    assert found.certified
    assert found.total == pytest.approx(best, rel=1e-11)
    assert abs(found.gap) <= 1e-9 * found.n_pairs * np.abs(values).max()
    assert np.all(values <= found.u[:, None] + found.v + 1e-9 * np.abs(values).max())
    assert np.array_equal(found.similarity, values[found.a, found.b])


def test_a_small_error_is_not_certified_away() -> None:
    """At a scale of 1e-8 every assignment used to count as proven, being within 1e-9 per pair."""
    values = _values(80, 80, seed=3) * 1e-8
    found = assign(Table(values), tiling=SMALL, progress=False)
    assert found.total == pytest.approx(
        values[linear_sum_assignment(values, maximize=True)].sum(), rel=1e-11
    )


def test_scaling_is_by_a_power_of_two_and_changes_no_pair() -> None:
    values = _values(60, 75, seed=4)
    plain, scaled = (
        assign(Table(values * factor), tiling=SMALL, progress=False) for factor in (1.0, 2.0**40)
    )
    assert np.array_equal(plain.b, scaled.b)
    assert scaled.total == plain.total * 2.0**40
    unit = at_unit_scale(Table(values * 2.0**40), SMALL)
    assert 0.5 <= float(np.abs(values * 2.0**40).max()) / unit.scale <= 1
    assert np.log2(unit.scale) == round(np.log2(unit.scale))


def test_nothing_but_zeros() -> None:
    found = assign(Table(np.zeros((40, 50))), tiling=SMALL, progress=False)
    assert found.certified
    assert found.total == 0


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("n", [10, 90])
def test_what_is_not_finite_is_refused(wrong: float, n: int) -> None:
    values = _values(n, n)
    values[n // 2, 3] = wrong
    with pytest.raises(InvalidInputError, match="similarities must be finite"):
        assign(Table(values), tiling=SMALL, progress=False)
    with pytest.raises(InvalidInputError, match="similarities must be finite"):
        find_candidates(Table(values), tiling=SMALL, progress=False)


def test_a_bound_that_is_no_bound_is_refused() -> None:
    class Boundless(Table):
        def block(
            self, rows: slice | torch.Tensor, cols: slice | torch.Tensor, *, fine: bool = False
        ) -> tuple[torch.Tensor, float]:
            return super().block(rows, cols)[0], float("nan")

    with pytest.raises(InvalidInputError, match="error bound must be finite"):
        assign(Boundless(_values(40, 40)), tiling=SMALL, progress=False)


def test_our_own_similarities_are_not_looked_at_twice() -> None:
    a, b = problem("random", 30, 30)
    cosine = Cosine.between(a, b)
    assert is_ours(cosine)
    assert is_ours(Transposed(cosine))
    assert is_ours(Others(cosine))
    assert not is_ours(Table(_values(3, 3)))
    assert not is_ours(Transposed(Table(_values(3, 3))))
    assert not is_ours(Checked(cosine))
