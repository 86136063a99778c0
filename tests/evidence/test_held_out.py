from __future__ import annotations

import numpy as np
import pytest

from universality.codes import from_batches
from universality.errors import InvalidInputError
from universality.evidence.held_out import cross_fit, pair_rows, split_documents

DOCUMENTS = np.repeat(np.arange(60), 40)


def codes(n_latents: int, *, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    shape = (DOCUMENTS.size, n_latents)
    return (rng.lognormal(size=shape) * (rng.random(shape) < 0.05)).astype(np.float32)


def as_codes(values: np.ndarray):  # type: ignore[no-untyped-def]
    return from_batches([values], values.shape[1])


def test_documents_are_never_split_and_the_halves_are_about_equal() -> None:
    lengths = np.random.default_rng(0).integers(5, 90, 50)
    documents = np.repeat(np.arange(50), lengths)
    first = split_documents(documents, seed=1)
    shares = np.array([first[documents == document].mean() for document in range(50)])
    assert set(shares) == {0.0, 1.0}
    assert abs(first.mean() - 0.5) < 0.05
    assert (first == split_documents(documents, seed=1)).all()
    assert (first != split_documents(documents, seed=2)).any()


def test_a_copy_keeps_its_correlation_on_unseen_documents() -> None:
    values = codes(30, seed=0)
    order = np.random.default_rng(1).permutation(30)
    for fold in cross_fit(as_codes(values), as_codes(values[:, order]), DOCUMENTS):
        np.testing.assert_array_equal(order[fold.b], fold.a)
        np.testing.assert_allclose(fold.held_out, 1, atol=1e-9)
        assert fold.n_tokens_fit + fold.n_tokens_held_out == DOCUMENTS.size


def test_pairs_that_chance_made_fall_to_zero_on_unseen_documents() -> None:
    folds = cross_fit(as_codes(codes(60, seed=2)), as_codes(codes(60, seed=3)), DOCUMENTS)
    for fold in folds:
        assert fold.fit.mean() > 0.03
        assert abs(fold.held_out.mean()) < 0.01


def test_held_out_similarity_is_that_of_numpy_on_the_other_half() -> None:
    a, b = codes(20, seed=4), codes(25, seed=5)
    first = split_documents(DOCUMENTS, seed=0)
    fold, _ = cross_fit(as_codes(a), as_codes(b), DOCUMENTS)
    for i, j, fit, held_out in zip(fold.a, fold.b, fold.fit, fold.held_out, strict=True):
        assert fit == pytest.approx(np.corrcoef(a[first, i], b[first, j])[0, 1], abs=1e-10)
        assert held_out == pytest.approx(np.corrcoef(a[~first, i], b[~first, j])[0, 1], abs=1e-10)


def test_latents_that_fall_silent_are_counted_and_have_no_correlation() -> None:
    values = codes(10, seed=6)
    first = split_documents(DOCUMENTS, seed=0)
    values[~first, 3] = 0
    fold, other = cross_fit(as_codes(values), as_codes(values), DOCUMENTS)
    assert fold.a[fold.silent].tolist() == [3]
    assert 3 not in other.a
    assert other.silent.sum() == 0
    table = pair_rows((fold, other))
    assert table["similarity_held_out"].isna().sum() == 1
    assert table["fold"].tolist() == [0] * 10 + [1] * 9


def test_what_cannot_be_held_out_is_refused() -> None:
    few = as_codes(codes(4, seed=7))
    with pytest.raises(InvalidInputError, match="at least two, the cache has one"):
        cross_fit(few, few, np.zeros_like(DOCUMENTS))
    with pytest.raises(InvalidInputError, match="no latent fires on 5000 tokens"):
        cross_fit(few, few, DOCUMENTS, min_firing=10_000)


def test_the_mean_over_unseen_documents_comes_with_an_interval() -> None:
    """Pairs made by chance have a correlation of zero beyond the documents they were found on."""
    folds = cross_fit(as_codes(codes(60, seed=2)), as_codes(codes(60, seed=3)), DOCUMENTS)
    for fold in folds:
        assert fold.interval is not None
        assert fold.interval.raw == pytest.approx(np.nanmean(fold.held_out), abs=1e-6)
        assert fold.interval.low < 0 < fold.interval.high
        assert fold.interval.n_documents == fold.n_documents_held_out == 30
    dropped, _ = cross_fit(
        as_codes(codes(9, seed=2)), as_codes(codes(9, seed=3)), DOCUMENTS, absolute=True
    )
    assert dropped.interval is None


def test_too_few_documents_give_no_interval() -> None:
    values = as_codes(codes(9, seed=2))
    for n, given in ((40, True), (30, False)):
        folds = cross_fit(values, values, np.repeat(np.arange(n), DOCUMENTS.size // n))
        assert all((fold.interval is not None) == given for fold in folds)
