"""Lengths of rows, the same whatever number format the rows are stored in."""

from __future__ import annotations

import torch
from jaxtyping import Float, Float64
from torch import Tensor

_ROWS_PER_STEP = 4_096


def row_norms(rows: Float[Tensor, "n d"]) -> Float64[Tensor, " n"]:
    """Length of each row, in float64; 0 for a row of zeros and for no other.

    Rows of any floating dtype and any scale, where the rows lie; one block of them at a time, so
    that memory stays bounded for memory-mapped weights.
    """
    norms = torch.empty(rows.shape[0], dtype=torch.float64, device=rows.device)
    for start in range(0, rows.shape[0], _ROWS_PER_STEP):
        part = slice(start, start + _ROWS_PER_STEP)
        exact = rows[part].double()
        if rows.dtype == torch.float64:  # whose squares could leave the range
            largest = exact.abs().amax(dim=1)
            exact = exact / largest.where(largest > 0, 1.0)[:, None]
            norms[part] = exact.norm(dim=1) * largest
        else:
            norms[part] = exact.norm(dim=1)
    return norms
