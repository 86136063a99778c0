from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from universality import codes as codes_module
from universality.codes import (
    Codes,
    as_firing,
    from_batches,
    rearrange_tokens,
    take_latents,
    take_tokens,
    token_range,
)
from universality.errors import InvalidInputError


def sparse_codes(n_tokens: int, d_sae: int, *, seed: int, density: float = 0.1) -> np.ndarray:
    rng = np.random.default_rng(seed)
    values = rng.lognormal(size=(n_tokens, d_sae)) * (rng.random((n_tokens, d_sae)) < density)
    return values.astype(np.float32)


def dense(codes: Codes) -> np.ndarray:
    return token_range(codes, range(codes.n_tokens)).toarray().T


def test_codes_come_back_as_they_went_in() -> None:
    given = sparse_codes(50, 7, seed=0)
    np.testing.assert_array_equal(dense(from_batches([given], 7)), given)


@settings(max_examples=30, deadline=None)
@given(
    n_tokens=st.integers(1, 60),
    d_sae=st.integers(1, 9),
    step=st.integers(1, 20),
    seed=st.integers(0, 99),
)
def test_batches_do_not_matter(n_tokens: int, d_sae: int, step: int, seed: int) -> None:
    values = sparse_codes(n_tokens, d_sae, seed=seed)
    cut = from_batches((values[at : at + step] for at in range(0, n_tokens, step)), d_sae)
    np.testing.assert_array_equal(dense(cut), values)
    assert cut.n_tokens == n_tokens


def test_dense_and_sparse_batches_give_the_same_codes() -> None:
    values = sparse_codes(40, 6, seed=1)
    given = [sparse.csr_array(values[:15]), sparse.csc_array(values[15:])]
    np.testing.assert_array_equal(dense(from_batches(given, 6)), values)


def test_stored_zeros_are_no_firings() -> None:
    stored = sparse.csr_array((np.array([0.0, 2.0]), [0, 1], [0, 1, 2]), shape=(2, 3))
    np.testing.assert_array_equal(from_batches([stored], 3).count, [0, 1, 0])


def test_statistics_are_those_of_the_dense_codes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(codes_module, "CHUNK_TOKENS", 64)
    values = sparse_codes(300, 8, seed=2)
    values[:, 0] = 0
    values[:, 1] += 100
    values[:, 2] *= -1
    codes = from_batches(np.split(values, 10), 8)
    exact = values.astype(np.float64)
    assert len(codes.chunks) > 3
    np.testing.assert_array_equal(codes.count, (values != 0).sum(axis=0))
    np.testing.assert_allclose(codes.mean, exact.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(codes.variance, exact.var(axis=0), rtol=1e-12)
    np.testing.assert_allclose(codes.total_of_squares, (exact**2).sum(axis=0), rtol=1e-12)
    np.testing.assert_allclose(codes.frequency, (values != 0).mean(axis=0))
    fires = (values != 0).sum(axis=0)
    np.testing.assert_allclose(codes.mean_active[1:], exact.sum(axis=0)[1:] / fires[1:])
    assert codes.mean_active[0] == 0
    assert codes.log_density[0] == -np.inf
    assert codes.is_signed


@pytest.mark.parametrize("constant", [0.0, 0.1, -3.7])
def test_a_constant_latent_has_no_variance_whatever_its_value(constant: float) -> None:
    codes = from_batches([np.full((1_000, 1), constant, dtype=np.float32)], 1)
    assert not codes.varies[0]
    assert codes.variance[0] == 0


def test_a_latent_that_differs_once_in_the_last_bit_varies() -> None:
    values = np.full((1_000, 1), 1.0, dtype=np.float32)
    values[7] = np.nextafter(np.float32(1), np.float32(2))
    codes = from_batches([values], 1)
    assert codes.varies[0]
    np.testing.assert_allclose(codes.variance, values.astype(np.float64).var(axis=0), rtol=1e-6)


def test_latents_and_tokens_can_be_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(codes_module, "CHUNK_TOKENS", 16)
    values = sparse_codes(100, 6, seed=3)
    codes = from_batches(np.split(values, 10), 6)
    kept = np.random.default_rng(0).random(100) < 0.3
    np.testing.assert_array_equal(dense(take_tokens(codes, kept)), values[kept])
    np.testing.assert_array_equal(dense(take_latents(codes, np.array([4, 1]))), values[:, [4, 1]])
    part = token_range(codes, range(13, 47), latents=slice(1, 3))
    np.testing.assert_array_equal(part.toarray(), values[13:47, 1:3].T)
    np.testing.assert_array_equal(dense(as_firing(codes)), values != 0)


def test_tokens_can_be_rearranged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(codes_module, "CHUNK_TOKENS", 16)
    values = sparse_codes(60, 5, seed=4)
    codes = from_batches(np.split(values, 10), 5)
    order = np.random.default_rng(0).permutation(60)[:45]
    np.testing.assert_array_equal(dense(rearrange_tokens(codes, order)), values[order])
    with pytest.raises(InvalidInputError, match="a token twice"):
        rearrange_tokens(codes, np.array([1, 1]))
    with pytest.raises(InvalidInputError, match="numbers of 60 tokens"):
        rearrange_tokens(codes, np.array([60]))


def test_bad_batches_are_refused() -> None:
    with pytest.raises(InvalidInputError, match="no tokens"):
        from_batches([], 4)
    with pytest.raises(InvalidInputError, match=r"from token 3 on must be finite and 4 wide"):
        from_batches([np.zeros((3, 4)), np.zeros((3, 5))], 4)
    with pytest.raises(InvalidInputError, match="NaN or infinity"):
        from_batches([np.array([[np.nan, 1.0]])], 2)
    with pytest.raises(InvalidInputError, match="NaN or infinity"):
        from_batches([sparse.csr_array(np.array([[np.inf, 1.0]]))], 2)
    with pytest.raises(InvalidInputError, match="at least one chunk"):
        Codes(())
    with pytest.raises(InvalidInputError, match="at least one of 2 tokens"):
        take_tokens(from_batches([np.ones((2, 2))], 2), np.zeros(2, dtype=bool))
