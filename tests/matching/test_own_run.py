"""The assignment of a run to itself without identity, against SciPy's without the diagonal."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
import torch

from tests.made_codes import awkward_codes, between
from tests.matching.problems import KINDS, best_total, cosines, problem
from universality.errors import InvalidInputError
from universality.matching import Tiling, match_within, verify
from universality.similarity import Cosine, Others

SPARSE = Tiling(width=8, restricted=4, block_rows=32, block_cols=64, dense_below=2)
TILINGS = (Tiling(), SPARSE)


def _best_without_identity(values: np.ndarray) -> float:
    """The largest total off the diagonal, by SciPy's dense solver."""
    without = values.copy()
    np.fill_diagonal(without, -1e3)
    return best_total(without)


@pytest.mark.parametrize("tiling", TILINGS, ids=["dense", "sparse"])
@pytest.mark.parametrize("kind", KINDS)
def test_the_total_is_the_largest_off_the_diagonal(kind: str, tiling: Tiling) -> None:
    a, _ = problem(kind, 150, 60)
    within = match_within(Cosine.between(a, a), tiling=tiling, progress=False)
    matching, values = within.matching, cosines(a, a)
    assert matching.certified
    assert (matching.a != matching.b).all()
    assert np.array_equal(np.sort(matching.b), np.arange(150))
    assert matching.total == pytest.approx(_best_without_identity(values), abs=1e-9 * 150)
    assert matching.similarity == pytest.approx(values[matching.a, matching.b], abs=1e-12)
    np.fill_diagonal(values, -np.inf)
    assert values[np.arange(150), within.near.nearest] == pytest.approx(
        values.max(axis=1), abs=1e-12
    )
    assert within.nearest_similarity == pytest.approx(values.max(axis=1), abs=1e-12)


@pytest.mark.parametrize("n", [2, 3, 4, 5])
def test_few_latents_by_exhaustive_search(n: int) -> None:
    rows = np.random.default_rng(n).normal(size=(n, 2))
    values = cosines(rows, rows)
    best = max(
        values[np.arange(n), order].sum()
        for order in map(list, permutations(range(n)))
        if (np.arange(n) != order).all()
    )
    found = match_within(Cosine.between(rows, rows), progress=False).matching
    assert found.total == pytest.approx(best, abs=1e-12)


def test_latents_that_oppose_each_other_are_still_not_matched_to_themselves() -> None:
    rows = np.array([[1.0, 0.0], [-1.0, 0.0]])
    found = match_within(Cosine.between(rows, rows), progress=False).matching
    assert found.b.tolist() == [1, 0]
    assert found.similarity.tolist() == [-1.0, -1.0]


def test_a_duplicated_latent_reaches_one_and_a_lonely_one_does_not() -> None:
    rows = np.eye(8)[[0, 0, 1, 2, 3]]
    found = match_within(Cosine.between(rows, rows), progress=False)
    assert found.near.nearest.tolist() == [1, 0, 0, 0, 0]
    assert found.nearest_similarity.tolist() == [1.0, 1.0, 0.0, 0.0, 0.0]
    assert np.sort(found.matching.similarity).tolist() == [0.0, 0.0, 0.0, 1.0, 1.0]


def test_codes_are_matched_like_directions() -> None:
    codes = awkward_codes(400, 40, seed=3)
    similarity = between(codes, codes)
    values = similarity.block(slice(None), slice(None), fine=True)[0].numpy()
    found = match_within(similarity, tiling=SPARSE, progress=False).matching
    assert found.certified
    assert found.total == pytest.approx(_best_without_identity(values), abs=1e-9)


def test_its_potentials_hold_for_every_pair_of_different_latents() -> None:
    a, _ = problem("half shared", 120, 60)
    found = match_within(Cosine.between(a, a), tiling=SPARSE, progress=False).matching
    bound = found.u[:, None] + found.v[None]
    different = ~np.eye(120, dtype=bool)
    assert (cosines(a, a)[different] <= bound[different] + 1e-9).all()
    assert not verify(found, a, a), "as an assignment with identity allowed it is not the best"


@pytest.mark.parametrize("n", [5, 300])
def test_out_of_time_no_latent_is_left_with_itself(n: int) -> None:
    rows = np.random.default_rng(0).normal(size=(n, 3))
    found = match_within(Cosine.between(rows, rows), time_limit=0.0, tiling=SPARSE, progress=False)
    matching = found.matching
    assert (matching.a != matching.b).all()
    assert np.array_equal(np.sort(matching.b), np.arange(n))
    assert matching.similarity.min() >= -1
    assert matching.total <= matching.upper_bound + 1e-9


def test_a_latent_alone_has_no_one() -> None:
    with pytest.raises(InvalidInputError, match="one latent has no other"):
        match_within(Cosine.between(np.ones((1, 3)), np.ones((1, 3))), progress=False)


def test_two_runs_are_no_run() -> None:
    with pytest.raises(InvalidInputError, match="latents of one run"):
        Others(Cosine.between(np.ones((2, 3)), np.ones((3, 3))))


def test_blocks_and_single_pairs_agree() -> None:
    rows = torch.randn(20, 4, generator=torch.Generator().manual_seed(0))
    others = Others(Cosine.between(rows, rows))
    block, error = others.block(torch.arange(5, 9), slice(None))
    i, j = torch.meshgrid(torch.arange(5, 9), torch.arange(20), indexing="ij")
    exact = others.at(i.reshape(-1), j.reshape(-1)).reshape(4, 20)
    assert float((block - exact).abs().max()) <= error
    assert (exact == -4).nonzero().tolist() == [[0, 5], [1, 6], [2, 7], [3, 8]]
