"""Partial assignment: against SciPy with a dummy for everybody, against itself on its other road,
and what an optimum with a price must satisfy."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations, permutations

import numpy as np
import pytest
import torch
from scipy.optimize import linear_sum_assignment

import universality as un
from tests.made_codes import awkward_codes, between
from tests.matching.problems import KINDS, cosines, problem
from universality.errors import InvalidInputError
from universality.matching import PartialMatching, Tiling, assign, assign_partially
from universality.matching import above as listing
from universality.similarity import Clipped, Cosine

SPARSE = Tiling(width=8, restricted=4, block_rows=32, block_cols=64, dense_below=2)
PRICES = (-1.0, 0.0, 0.4, 0.9, 1.0)


def _best_gain(values: np.ndarray, price: float) -> float:
    """By SciPy on a matrix in which every latent has a dummy of its own that costs nothing."""
    n_a, n_b = values.shape
    augmented = np.full((n_a + n_b, n_a + n_b), 0.0)
    augmented[:n_a, :n_b] = values - price
    return float(augmented[linear_sum_assignment(augmented, maximize=True)].sum())


def _check(found: PartialMatching, values: np.ndarray) -> None:
    assert len(set(found.a)) == len(set(found.b)) == found.n_pairs
    assert found.similarity == pytest.approx(values[found.a, found.b], abs=1e-12)
    assert (found.similarity > found.price).all()
    assert found.certified
    assert found.gain == pytest.approx(_best_gain(values, found.price), abs=1e-9 * len(values))
    assert min(found.u.min(), found.v.min()) >= 0
    assert (values - found.price <= found.u[:, None] + found.v[None] + 1e-9).all()


@pytest.fixture(params=["few above", "clipped"])
def road(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Either way to the optimum, whatever the number of pairs above the price."""
    most = 10**6 if request.param == "few above" else -1
    monkeypatch.setattr(listing, "_MOST_PER_LATENT", most)
    return str(request.param)


@pytest.mark.parametrize("tiling", [Tiling(), SPARSE], ids=["dense", "sparse"])
@pytest.mark.parametrize("shape", [(50, 50), (30, 50), (50, 30)])
@pytest.mark.parametrize("kind", KINDS)
def test_the_gain_is_the_largest(
    kind: str, shape: tuple[int, int], tiling: Tiling, road: str
) -> None:
    a, b = problem(kind, *shape)
    for one in assign_partially(Cosine.between(a, b), PRICES, progress=False, tiling=tiling):
        _check(one, cosines(a, b))
        assert un.verify(one, a, b)


@pytest.mark.parametrize("seed", range(5))
def test_few_latents_by_exhaustive_search(seed: int, road: str) -> None:
    rng = np.random.default_rng(seed)
    a, b = rng.normal(size=(4, 3)), rng.normal(size=(5, 3))
    values, price = cosines(a, b), 0.1
    best = max(
        float((values[list(rows), list(cols)] - price).sum())
        for n in range(5)
        for rows in combinations(range(4), n)
        for cols in permutations(range(5), n)
    )
    assert un.match_partially(a, b, price).gain == pytest.approx(best, abs=1e-12)


@pytest.mark.parametrize("shape", [(50, 50), (50, 80), (80, 50)])
def test_at_the_least_price_it_is_the_plain_assignment(shape: tuple[int, int], road: str) -> None:
    a, b = problem("half shared", *shape)
    plain, partial = un.match(a, b), un.match_partially(a, b, -1.0)
    assert partial.gain == pytest.approx(plain.total + plain.n_pairs, abs=1e-9)
    assert partial.a.tolist() == plain.a.tolist()
    assert partial.b.tolist() == plain.b.tolist()


def test_the_price_can_change_partners_and_not_only_drop_pairs() -> None:
    angles = np.deg2rad([0.0, 50.0])
    a = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    others = np.deg2rad([20.0, -65.0])
    b = np.stack([np.cos(others), np.sin(others)], axis=1)
    plain = un.match(a, b)
    assert (plain.a.tolist(), plain.b.tolist()) == ([0, 1], [1, 0])
    partial = un.match_partially(a, b, 0.8)
    assert (partial.a.tolist(), partial.b.tolist()) == ([0], [0])


def test_a_planted_share_is_found_and_unrelated_rows_are_left_alone() -> None:
    rng = np.random.default_rng(0)
    a = rng.normal(size=(300, 128))
    b = rng.normal(size=(300, 128))
    b[:90] = a[:90] + 0.3 * rng.normal(size=(90, 128))
    order = rng.permutation(300)
    found = un.match_partially(a, b[order], 0.7)
    assert found.a.tolist() == list(range(90))
    assert order[found.b].tolist() == list(range(90))
    assert un.match_partially(a[90:], b[90:], 0.7).n_pairs == 0


def test_gain_and_number_of_pairs_fall_as_the_price_rises() -> None:
    a, b = problem("half shared", 90, 70)
    found = assign_partially(Cosine.between(a, b), np.linspace(-1, 1, 41).tolist(), progress=False)
    gains, numbers = [one.gain for one in found], [one.n_pairs for one in found]
    assert (np.diff(gains) <= 1e-9).all()
    # The gain is convex in the price, with minus the number of pairs as its slope.
    assert (np.diff(gains, 2) >= -1e-9).all()
    assert (np.diff(numbers) <= 0).all()


def test_a_price_at_which_nothing_is_left() -> None:
    a, b = problem("random", 20, 30)
    found = un.match_partially(a, b, 1.0)
    assert (found.n_pairs, found.gain, found.fraction, found.certified) == (0, 0.0, 0.0, True)
    assert np.isnan(found.mean)
    assert un.verify(found, a, b)
    assert "0 pairs of 20 and 30 latents at a price of 1" in repr(found)


def test_codes_are_matched_like_directions(road: str) -> None:
    similarity = between(awkward_codes(400, 40, seed=3), awkward_codes(400, 50, seed=4))
    values = similarity.block(slice(None), slice(None), fine=True)[0].numpy()
    for one in assign_partially(similarity, [0.0, 0.2, 0.5], progress=False, tiling=SPARSE):
        _check(one, values)


def test_out_of_time_what_was_found_stands_with_its_true_gap(road: str) -> None:
    a, b = problem("clusters", 90, 70)
    found = un.match_partially(a, b, 0.2, time_limit=1e-9)
    assert len(set(found.b)) == found.n_pairs
    assert found.gain <= _best_gain(cosines(a, b), 0.2) + 1e-9 <= found.upper_bound + 2e-9


def test_what_verify_must_notice() -> None:
    a, b = problem("half shared", 40, 50)
    found = un.match_partially(a, b, 0.4)
    dropped = replace(
        found,
        a=found.a[1:],
        b=found.b[1:],
        similarity=found.similarity[1:],
        gain=float((found.similarity[1:] - 0.4).sum()),
    )
    assert un.verify(dropped, a, b).problems == ("the gap does not certify the gain",)
    twice = found.b.copy()
    twice[0] = twice[1]
    assert un.verify(replace(found, b=twice), a, b).problems == ("the pairs are not one-to-one",)
    assert not un.verify(replace(found, u=found.u - 1e-3), a, b)
    assert not un.verify(replace(found, price=0.3), a, b)
    assert not un.verify(replace(found, gain=found.gain + 1e-3), a, b)


def test_the_clipped_similarity_keeps_its_word_in_any_precision() -> None:
    a, b = problem("random", 30, 30)
    for precision in (torch.float64, torch.float32, torch.bfloat16):
        clipped = Clipped(Cosine.between(a, b, precision=precision), 0.123456789)
        block, error = clipped.block(slice(None), slice(None))
        i, j = torch.meshgrid(torch.arange(30), torch.arange(30), indexing="ij")
        exact = clipped.at(i.reshape(-1), j.reshape(-1)).reshape(30, 30)
        assert float((block - exact).abs().max()) <= error
        assert float(exact.min()) == 0.123456789


def test_without_candidates_the_clipped_similarity_is_assigned_all_the_same() -> None:
    a, b = problem("half shared", 70, 60)
    found = assign(Clipped(Cosine.between(a, b), 0.5), progress=False, tiling=SPARSE)
    gains = found.similarity - 0.5
    assert gains.sum() == pytest.approx(_best_gain(cosines(a, b), 0.5), abs=1e-9)


@pytest.mark.parametrize("price", [-1.1, 1.5, float("nan"), "high", None])
def test_a_price_that_is_no_similarity(price: object) -> None:
    with pytest.raises(InvalidInputError, match=r"price must be a number in \[-1, 1\]"):
        un.match_partially(np.eye(3), np.eye(3), price)  # type: ignore[arg-type]


def test_rows_that_cannot_be_matched() -> None:
    with pytest.raises(InvalidInputError, match="NaN"):
        un.match_partially(np.full((3, 3), np.nan), np.eye(3))
    with pytest.raises(InvalidInputError, match="width"):
        un.match_partially(np.ones((3, 3)), np.ones((3, 4)))
    with pytest.raises(InvalidInputError, match="empty"):
        un.match_partially(np.empty((0, 3)), np.eye(3))
