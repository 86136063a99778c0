from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from universality.errors import InvalidInputError
from universality.nulls.tokens import permute_windows


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@settings(max_examples=50, deadline=None)
@given(
    lengths=st.lists(st.integers(1, 60), min_size=2, max_size=40),
    window=st.integers(1, 9),
    seed=st.integers(0, 99),
)
def test_pieces_keep_their_order_and_none_stays(lengths: list[int], window: int, seed: int) -> None:
    documents = np.repeat(np.arange(len(lengths)), lengths)
    if sum(length // window for length in lengths) < 2:
        return
    a, b = permute_windows(documents, generator=generator(seed), window=window)
    kept = sum(length // window * window for length in lengths)
    assert a.size == b.size == kept
    assert np.unique(b).size == kept
    np.testing.assert_array_equal(np.sort(b), a)
    assert (a != b).all()
    pieces = b.reshape(-1, window)
    np.testing.assert_array_equal(np.diff(pieces, axis=1), 1)
    np.testing.assert_array_equal(documents[pieces[:, 0]], documents[pieces[:, -1]])


def test_beginnings_of_documents_trade_places_with_beginnings() -> None:
    documents = np.repeat(np.arange(40), 64)
    a, b = permute_windows(documents, generator=generator())
    np.testing.assert_array_equal(a % 64, b % 64)
    assert (documents[a] != documents[b]).all()


def test_the_same_seed_gives_the_same_permutation() -> None:
    documents = np.repeat(np.arange(9), 50)
    first, again = (permute_windows(documents, generator=generator(3)) for _ in range(2))
    other = permute_windows(documents, generator=generator(4))
    np.testing.assert_array_equal(first[1], again[1])
    assert (first[1] != other[1]).any()


def test_one_long_document_is_permuted_too() -> None:
    a, b = permute_windows(np.zeros(160, dtype=int), generator=generator())
    assert a.size == 160
    assert (a != b).all()


def test_too_few_tokens_are_refused() -> None:
    with pytest.raises(InvalidInputError, match="collect more tokens"):
        permute_windows(np.zeros(31, dtype=int), generator=generator())
