"""Lengths of rows in every number format and at every scale."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.made_runs import unit_rows
from universality.norms import row_norms


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_lengths_are_numpys_in_float64(dtype: torch.dtype) -> None:
    rows = (3 * unit_rows(50, 16, seed=0)).to(dtype)
    expected = np.linalg.norm(rows.double().numpy(), axis=1)
    assert row_norms(rows).dtype == torch.float64
    np.testing.assert_allclose(row_norms(rows).numpy(), expected, rtol=1e-14)


@pytest.mark.parametrize("scale", [1e-310, 1e-200, 1.0, 1e200])
def test_lengths_scale_with_the_rows_of_any_float64(scale: float) -> None:
    rows = unit_rows(20, 8, seed=1).double()
    rows[3] = 0
    found = row_norms(rows * scale)
    assert found[3] == 0
    assert int((found > 0).sum()) == 19
    np.testing.assert_allclose(found / scale, row_norms(rows), rtol=1e-6)


def test_blocks_of_rows_are_the_whole() -> None:
    rows = unit_rows(9_000, 3, seed=2)
    torch.testing.assert_close(row_norms(rows)[8_500:], row_norms(rows[8_500:]), rtol=0, atol=0)
