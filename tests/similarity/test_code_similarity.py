from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist

from tests.made_codes import all_pairs, awkward_codes, between, pearson
from universality import codes as codes_module
from universality.codes import from_batches
from universality.errors import InvalidInputError
from universality.similarity import Similarity
from universality.similarity import cofiring as cofiring_module
from universality.similarity.code_similarity import CodeSimilarity
from universality.similarity.measures import MEASURES


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("n_tokens", [50, 3_000])
def test_correlation_is_that_of_numpy_on_the_dense_codes(signed: bool, n_tokens: int) -> None:
    a = awkward_codes(n_tokens, 23, seed=0, signed=signed)
    b = np.concatenate([a[:, 5:9], awkward_codes(n_tokens, 30, seed=1, signed=signed)], axis=1)
    similarity = between(a, b, absolute=False)
    np.testing.assert_allclose(all_pairs(similarity), pearson(a, b), atol=1e-10, rtol=0)


@pytest.mark.parametrize("ratio", [1e2, 1e4, 1e6])
def test_means_far_above_the_spread_cost_no_digits(ratio: float) -> None:
    rng = np.random.default_rng(2)
    common = rng.normal(size=(4_000, 1))
    a, b = ((ratio + common + rng.normal(size=(4_000, 4))).astype(np.float32) for _ in range(2))
    centred_a, centred_b = (
        x.astype(np.float64) - x.astype(np.float64).mean(axis=0) for x in (a, b)
    )
    exact = pearson(centred_a, centred_b)
    np.testing.assert_allclose(all_pairs(between(a, b)), exact, atol=1e-10, rtol=0)
    assert exact.min() > 0.3


def test_float16_codes_are_taken_at_their_value() -> None:
    a, b = (awkward_codes(400, 9, seed=seed).astype(np.float16) for seed in (3, 4))
    np.testing.assert_allclose(all_pairs(between(a, b)), pearson(a, b), atol=1e-10, rtol=0)


def test_pairs_that_never_fire_together_are_exact_and_can_be_positive() -> None:
    a, b = np.zeros((100, 1), dtype=np.float32), np.zeros((100, 2), dtype=np.float32)
    a[:10], b[20:40, 0], b[20:40, 1] = 1, 2, -2
    found = all_pairs(between(a, b, absolute=False))
    np.testing.assert_allclose(found, pearson(a, b), atol=1e-14)
    assert found[0, 0] < 0 < found[0, 1]


def test_products_that_cancel_are_not_taken_for_pairs_that_never_fire_together() -> None:
    a = np.array([[1.0], [1.0], [0.0], [0.0]])
    b = np.array([[1.0], [-1.0], [3.0], [0.0]])
    np.testing.assert_allclose(all_pairs(between(a, b, absolute=False)), pearson(a, b), atol=1e-14)


def test_cosine_and_jaccard_are_those_of_scipy() -> None:
    a, b = awkward_codes(500, 12, seed=5), awkward_codes(500, 15, seed=6)
    a, b = a[:, 1:], b[:, 1:]
    cosine = 1 - cdist(a.T.astype(np.float64), b.T.astype(np.float64), "cosine")
    np.testing.assert_allclose(all_pairs(between(a, b, "cosine")), cosine, atol=1e-12)
    jaccard = 1 - cdist(a.T != 0, b.T != 0, "jaccard")
    np.testing.assert_allclose(all_pairs(between(a, b, "jaccard")), jaccard, atol=1e-12)


@pytest.mark.parametrize("measure", MEASURES)
def test_latents_that_never_fire_have_similarity_zero(measure: str) -> None:
    a, b = awkward_codes(200, 8, seed=7), awkward_codes(200, 8, seed=8)
    found = all_pairs(between(a, b, measure))
    assert not found[0].any()
    assert not found[:, 0].any()


@settings(max_examples=25, deadline=None)
@given(
    n_tokens=st.integers(2, 40),
    n_a=st.integers(1, 12),
    n_b=st.integers(1, 12),
    seed=st.integers(0, 1_000),
    measure=st.sampled_from(MEASURES),
)
def test_blocks_stay_within_their_bound(
    n_tokens: int, n_a: int, n_b: int, seed: int, measure: str
) -> None:
    a, b = awkward_codes(n_tokens, n_a, seed=seed), awkward_codes(n_tokens, n_b, seed=seed + 1)
    for screen in (False, True):
        similarity = between(a, b, measure, screen=screen)
        assert isinstance(similarity, Similarity)
        exact = all_pairs(similarity)
        if measure == "pearson":
            np.testing.assert_allclose(exact, pearson(a, b), atol=1e-10, rtol=0)
        values, bound = similarity.block(slice(n_a // 3, n_a), slice(n_b // 2, n_b))
        assert (
            np.abs(values.double().numpy() - exact[n_a // 3 :, n_b // 2 :]).max(initial=0) <= bound
        )


def test_neither_chunks_nor_segments_nor_blocks_nor_screens_matter(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    values = [awkward_codes(700, 40, seed=seed) for seed in (9, 10)]
    reference = all_pairs(between(*values))
    monkeypatch.setattr(codes_module, "CHUNK_TOKENS", 97)
    monkeypatch.setattr(cofiring_module, "_ENTRIES_PER_SEGMENT", 500)
    monkeypatch.setattr(cofiring_module, "_ROWS_PER_PRODUCT", 7)
    monkeypatch.setattr(cofiring_module, "_NUMBERS_PER_PANEL", 100)
    for kept, screen in itertools.product((0, 1 << 20), (False, True)):
        monkeypatch.setattr(cofiring_module, "_ENTRIES_KEPT", kept)
        codes = [from_batches(np.array_split(v, 30), 40) for v in values]
        similarity = CodeSimilarity.between(codes[0], codes[1], screen=screen, progress=False)
        assert len(similarity.products.segments) > 2
        np.testing.assert_allclose(all_pairs(similarity), reference, atol=1e-12, rtol=0)


@pytest.mark.parametrize("screen", [False, True])
def test_a_pair_has_the_same_bits_in_any_company(screen: bool) -> None:
    a, b = awkward_codes(900, 300, seed=11), awkward_codes(900, 50, seed=12)
    similarity = between(a, b, screen=screen)
    whole = all_pairs(similarity)
    rng = np.random.default_rng(0)
    i, j = rng.integers(0, 300, 200), rng.integers(0, 50, 200)
    some = similarity.at(torch.from_numpy(i), torch.from_numpy(j)).numpy()
    np.testing.assert_array_equal(some, whole[i, j])
    np.testing.assert_array_equal(all_pairs(between(b, a, screen=screen)), whole.T)
    np.testing.assert_array_equal(all_pairs(between(a, b, screen=not screen)), whole)


def test_signs_are_dropped_where_both_runs_have_them() -> None:
    a = awkward_codes(300, 8, seed=19, signed=True)
    assert between(a, -a).absolute
    np.testing.assert_allclose(all_pairs(between(a, -a)), np.abs(pearson(a, a)), atol=1e-10)
    assert not between(np.abs(a), np.abs(a)).absolute


def test_bad_input_is_refused() -> None:
    a, signed = awkward_codes(30, 6, seed=20), awkward_codes(30, 6, seed=21, signed=True)
    with pytest.raises(InvalidInputError, match="cover the same tokens: those of a cover 30"):
        between(a, a[:20])
    with pytest.raises(InvalidInputError, match="at least two tokens"):
        between(a[:1], a[:1])
    with pytest.raises(InvalidInputError, match="--absolute"):
        between(a, signed)
    assert between(a, signed, absolute=True).absolute


def crowded(n_tokens: int, n: int, seed: int, *, share: float = 0.6) -> np.ndarray:
    """Codes of latents that fire together all the time, a few of them on nearly every token."""
    rng = np.random.default_rng(seed)
    fires = rng.random((n_tokens, n)) < np.linspace(0.2, share, n)
    fires[:, : n // 5] |= rng.random((n_tokens, n // 5)) < 0.95
    return np.where(fires, rng.lognormal(size=(n_tokens, n)), 0.0).astype(np.float32)


@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize("n_tokens", [60, 2_000])
def test_crowded_codes_go_through_dense_products_and_say_the_same(
    n_tokens: int, measure: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    a, b = crowded(n_tokens, 30, 0), crowded(n_tokens, 41, 1)
    monkeypatch.setattr(cofiring_module, "_WORTH_IT", 1)
    monkeypatch.setattr(cofiring_module, "_NUMBERS_DENSE", 100 * 71)
    monkeypatch.setattr(cofiring_module, "_ENTRIES_PER_SEGMENT", 20_000)
    dense = between(a, b, measure)
    assert dense.products.is_crowded
    monkeypatch.setattr(cofiring_module, "_COFIRING", 0)
    sparse = between(a, b, measure)
    assert not sparse.products.is_crowded
    np.testing.assert_allclose(all_pairs(dense), all_pairs(sparse), atol=1e-13, rtol=0)
    if measure == "pearson":
        np.testing.assert_allclose(all_pairs(dense), pearson(a, b), atol=1e-10, rtol=0)


def test_dense_panels_are_the_sums_of_sparse_ones_in_any_part() -> None:
    a, b = crowded(500, 30, 2), crowded(500, 20, 3)
    products = between(a, b).products
    rows, cols = np.array([3, 4, 17, 29]), np.array([0, 19, 5])
    whole = products.panel(slice(None))
    np.testing.assert_allclose(products.dense_panel(slice(None)), whole, atol=1e-13, rtol=1e-13)
    part = products.dense_panel(rows, cols)
    np.testing.assert_allclose(part, whole[np.ix_(rows, cols)], atol=1e-13, rtol=1e-13)


def test_few_that_fire_at_once_are_multiplied_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not between(crowded(400, 64, 0), crowded(400, 64, 1)).products.is_crowded
    monkeypatch.setattr(cofiring_module, "_WORTH_IT", 1)
    rng = np.random.default_rng(0)
    few = [np.where(rng.random((400, 64)) < 0.03, 1.0, 0.0).astype(np.float32) for _ in range(2)]
    assert not between(*few).products.is_crowded
    assert between(crowded(400, 64, 0), few[0]).products.is_crowded


@pytest.mark.parametrize("screen", [False, True])
def test_a_crowded_pair_has_the_same_bits_in_any_company(
    screen: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cofiring_module, "_WORTH_IT", 1)
    similarity = between(crowded(300, 40, 4), crowded(300, 50, 5), screen=screen)
    whole = all_pairs(similarity)
    i, j = torch.arange(40), torch.arange(40).flip(0)
    np.testing.assert_array_equal(similarity.at(i, j).numpy(), whole[i, j])
    values, error = similarity.block(slice(3, 30), slice(2, 50), fine=True)
    assert np.abs(values.numpy() - whole[3:30, 2:]).max() <= error
