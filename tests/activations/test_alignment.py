from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.made_caches import write_cache
from universality.activations.alignment import align
from universality.activations.cache import ActivationCache
from universality.activations.shards import ROW_FIELDS, Rows, concatenate, write_shard
from universality.activations.token_table import read_table
from universality.errors import InvalidInputError


def cache(folder: Path, n: int = 80, **options: object) -> ActivationCache:
    return write_cache(folder, torch.zeros(n, 4), **options)


def test_caches_of_the_same_rows_are_aligned_one_to_one(tmp_path: Path) -> None:
    a, b = cache(tmp_path / "a"), cache(tmp_path / "b", n_shards=5)
    for rows in align(a, b):
        np.testing.assert_array_equal(rows, np.arange(80))


def test_rows_that_one_cache_dropped_are_left_out(tmp_path: Path) -> None:
    a = cache(tmp_path / "a")
    kept = np.ones(80, dtype=bool)
    kept[[3, 50]] = False
    b = without(cache(tmp_path / "b"), kept)
    rows_a, rows_b = align(a, b)
    np.testing.assert_array_equal(rows_a, np.flatnonzero(kept))
    table_a, table_b = read_table(a).take(rows_a), read_table(b).take(rows_b)
    np.testing.assert_array_equal(table_a.positions, table_b.positions)
    np.testing.assert_array_equal(table_a.documents, table_b.documents)


def without(given: ActivationCache, kept: np.ndarray) -> ActivationCache:
    rows = concatenate(list(given.shards))
    index = torch.from_numpy(np.flatnonzero(kept))
    some = Rows(*(getattr(rows, field)[index] for field in ROW_FIELDS))
    write_shard(given.path / given.meta.shards[0].file, some, {})
    entry = replace(given.meta.shards[0], n_tokens=len(some))
    return ActivationCache(given.path, replace(given.meta, n_tokens=len(some), shards=(entry,)))


def test_another_tokenizer_is_noticed(tmp_path: Path) -> None:
    a = cache(tmp_path / "a")
    tokens = torch.arange(80, dtype=torch.int32) % 50
    tokens[[45, 46]] = 49
    b = cache(tmp_path / "b", tokens=tokens)
    with pytest.raises(InvalidInputError, match=r"disagree on 2 tokens, first in document 2 at "):
        align(a, b)


def test_other_texts_are_noticed(tmp_path: Path) -> None:
    a, b = cache(tmp_path / "a"), cache(tmp_path / "b")
    (b.path / "documents.json").write_text(json.dumps([f"other {i}" for i in range(4)]))
    with pytest.raises(InvalidInputError, match="different texts"):
        align(a, b)


def test_too_few_common_rows_are_refused(tmp_path: Path) -> None:
    first = np.arange(80) < 50
    a, b = without(cache(tmp_path / "a"), first), without(cache(tmp_path / "b"), first[::-1])
    with pytest.raises(InvalidInputError, match="20 of 50 and 50 rows in common"):
        align(a, b)
