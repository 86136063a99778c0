"""Arrays at the border: what is taken, shared or refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from universality.errors import InvalidInputError
from universality.shapes import as_matrix, check_finite


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", ">f4"])
def test_numpy_arrays_are_taken_in_any_float(dtype: str) -> None:
    array = np.arange(6, dtype=dtype).reshape(2, 3)
    assert as_matrix(array, "a").tolist() == [[0, 1, 2], [3, 4, 5]]


def test_memory_is_shared_where_it_can_be() -> None:
    array = np.ones((2, 3), np.float32)
    array_as_tensor = as_matrix(array, "a")
    array[0, 0] = 7
    assert array_as_tensor[0, 0] == 7


def test_a_read_only_memory_map_is_taken(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.ones((2, 3), np.float32))
    assert as_matrix(np.load(tmp_path / "a.npy", mmap_mode="r"), "a").sum() == 6


def test_reversed_rows_are_taken() -> None:
    assert as_matrix(np.eye(3)[::-1], "a")[0].tolist() == [0, 0, 1]


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (np.ones(3), "must have two dimensions"),
        (np.ones((0, 3)), "is empty"),
        (np.ones((2, 3), int), "must be floating-point"),
        (np.array([["a"]]), "must be floating-point, got dtype"),
        (torch.ones(2, 3, dtype=torch.int64), "must be floating-point"),
    ],
)
def test_refusals(array: object, words: str) -> None:
    with pytest.raises(InvalidInputError, match=words):
        as_matrix(array, "a")


def test_the_first_bad_row_is_named() -> None:
    array = np.ones((5, 3))
    array[3, 1] = np.inf
    array[4, 1] = np.nan
    with pytest.raises(InvalidInputError, match="a holds NaN or infinity, first in row 3"):
        as_matrix(array, "a")


def test_rows_are_counted_on_from_the_part_before() -> None:
    with pytest.raises(InvalidInputError, match="first in entry 12"):
        check_finite(torch.tensor([0.0, 0.0, float("nan")]), "a", first_row=10)
