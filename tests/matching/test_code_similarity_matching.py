from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.optimize import linear_sum_assignment

from tests.made_codes import all_pairs, awkward_codes, between, pearson
from universality.codes import from_batches
from universality.matching import assign, find_candidates
from universality.matching.by_codes import match_codes
from universality.similarity import code_similarity


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16])
def test_rounded_screens_keep_the_assignment(
    monkeypatch: pytest.MonkeyPatch, dtype: torch.dtype
) -> None:
    a, b = awkward_codes(800, 60, seed=13), awkward_codes(800, 70, seed=14)
    exact = between(a, b, screen=False)
    monkeypatch.setattr(code_similarity, "_SCREEN_BYTES", {dtype: 60 * 70 * dtype.itemsize})
    rounded = between(a, b)
    assert rounded.screen is not None
    assert rounded.screen.dtype == dtype
    for fine in (False, True):
        values, bound = rounded.block(slice(None), slice(None), fine=fine)
        assert np.abs(values.double().numpy() - all_pairs(exact)).max() <= bound
    assert assign(rounded, progress=False).total == pytest.approx(
        assign(exact, progress=False).total, abs=1e-9
    )


@pytest.mark.parametrize(("n_a", "n_b"), [(40, 40), (30, 55), (55, 30)])
@pytest.mark.parametrize("signed", [False, True])
def test_the_assignment_is_the_optimum_of_scipy_on_the_dense_correlations(
    n_a: int, n_b: int, signed: bool
) -> None:
    a = awkward_codes(600, n_a, seed=15, signed=signed)
    b = awkward_codes(600, n_b, seed=16, signed=signed)
    b[:, 6:20] = a[:, 6:20][:, ::-1]
    dense = np.abs(pearson(a, b)) if signed else pearson(a, b)
    rows, columns = linear_sum_assignment(dense, maximize=True)
    matching = assign(between(a, b), progress=False)
    assert matching.certified
    assert matching.total == pytest.approx(dense[rows, columns].sum(), abs=1e-9)


@pytest.mark.parametrize("measure", ["pearson", "cosine", "jaccard"])
def test_match_codes_finds_a_permuted_copy(measure: str) -> None:
    values = awkward_codes(600, 30, seed=3)[:, 5:-1]
    order = np.random.default_rng(0).permutation(values.shape[1])
    a, b = (from_batches([side], values.shape[1]) for side in (values, values[:, order]))
    matching = match_codes(a, b, measure, progress=False)
    np.testing.assert_array_equal(order[matching.b], matching.a)
    assert matching.mean == pytest.approx(1, abs=1e-9)


def test_candidates_are_the_nearest_of_the_dense_correlations() -> None:
    a, b = awkward_codes(600, 40, seed=17), awkward_codes(600, 50, seed=18)
    dense = pearson(a, b)
    found = find_candidates(between(a, b), k=4, progress=False)
    nearest = -np.sort(-dense, axis=1)[:, :4]
    np.testing.assert_allclose(found.of_a.similarity, nearest, atol=1e-10)
