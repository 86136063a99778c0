"""Lengths of rows at the edge of what numbers hold; what a process flushes to zero is no zero."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch

import universality as un
from tests.made_runs import make_run
from universality.compute.norms import refuse_flushed, row_norms
from universality.errors import InvalidInputError

SMALLEST = {torch.float32: 1e-42, torch.bfloat16: 5e-41, torch.float64: 1e-320}


@pytest.fixture
def flushing() -> Iterator[None]:
    """A process that flushes subnormal numbers to zero, as some set for speed."""
    if not torch.set_flush_denormal(True):
        pytest.skip("this processor cannot flush subnormal numbers")
    yield
    torch.set_flush_denormal(False)


def _rows(dtype: torch.dtype, *, seed: int, n: int = 40, d: int = 8) -> torch.Tensor:
    draws = torch.randn(n, d, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return (draws * 50 * SMALLEST[dtype]).to(dtype)


# Made before any test flushes: making them would flush them.
ROWS = {dtype: (_rows(dtype, seed=0), _rows(dtype, seed=1)) for dtype in SMALLEST}


@pytest.mark.parametrize("dtype", SMALLEST)
def test_subnormal_rows_have_directions(dtype: torch.dtype) -> None:
    a, b = ROWS[dtype]
    assert bool((row_norms(a) > 0).all())
    found = un.match(a, b)
    assert found.certified
    assert found.mean > 0.2
    verified = un.verify(found, a, b)
    assert verified, verified.problems


@pytest.mark.parametrize("scale", [1e-320, 1e-308, 1e-160, 1e160, 1e307])
def test_verify_accepts_right_matchings_of_float64_rows_of_any_size(scale: float) -> None:
    rng = np.random.default_rng(2)
    a = rng.integers(-9, 10, size=(30, 6)).astype(float)
    b = rng.integers(-9, 10, size=(35, 6)).astype(float)
    found = un.match(a * scale, b * scale)
    verified = un.verify(found, a * scale, b * scale)
    assert verified, verified.problems
    assert found.total == pytest.approx(un.match(a, b).total, rel=1e-2)


@pytest.mark.usefixtures("flushing")
@pytest.mark.parametrize("dtype", SMALLEST)
def test_what_is_flushed_is_refused_and_not_taken_for_zero(dtype: torch.dtype) -> None:
    a, b = ROWS[dtype]
    with pytest.raises(InvalidInputError, match="40 rows hold subnormal numbers"):
        un.match(a, b)
    with pytest.raises(InvalidInputError, match="subnormal numbers"):
        row_norms(a)
    with pytest.raises(InvalidInputError, match="subnormal numbers"):
        un.compare(make_run(a), make_run(b))
    good = un.match(torch.eye(40), torch.eye(40))
    with pytest.raises(InvalidInputError, match="subnormal numbers"):
        un.verify(good, torch.cat([a] * 5, dim=1), torch.eye(40, dtype=dtype))


@pytest.mark.usefixtures("flushing")
def test_zeros_and_negligible_entries_are_no_trouble() -> None:
    rows = torch.eye(6)
    rows[2] = 0
    rows[3, 0] = -0.0
    rows.view(torch.int32)[0, 5] = 3  # far below the 1 beside it
    assert row_norms(rows).tolist() == [1, 1, 0, 1, 1, 1]
    assert un.match(rows, torch.eye(6)).certified
    refuse_flushed(torch.zeros(3, 4), torch.zeros(3, dtype=torch.float64))


@pytest.mark.usefixtures("flushing")
def test_a_short_row_that_loses_a_part_of_itself_is_refused() -> None:
    rows = torch.tensor([[1e-37, 0.0], [1.0, 0.0]])
    rows.view(torch.int32)[0, 1] = 2**22  # half the smallest normal number
    with pytest.raises(InvalidInputError, match="1 rows hold subnormal numbers"):
        row_norms(rows)
