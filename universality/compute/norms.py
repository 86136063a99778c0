"""Lengths of rows, the same whatever number format the rows are stored in."""

from __future__ import annotations

import torch
from jaxtyping import Float, Float64
from torch import Tensor

from universality.errors import InvalidInputError

_ROWS_PER_STEP = 4_096
# Below such a length, entries that a process flushes to zero would be seen in a cosine.
_SHORT = {torch.float64: 2.0**-962, torch.float32: 2.0**-66, torch.bfloat16: 2.0**-66}
_BITS = {
    torch.float64: (torch.int64, 2**63 - 1),
    torch.float32: (torch.int32, 2**31 - 1),
    torch.bfloat16: (torch.int16, 2**15 - 1),
}


def row_norms(rows: Float[Tensor, "n d"]) -> Float64[Tensor, " n"]:
    """Length of each row, in float64; 0 for a row of zeros and for no other.

    Rows of any floating dtype and any scale, where the rows lie; one block of them at a time, so
    that memory stays bounded for memory-mapped weights.

    Raises:
        InvalidInputError: as `refuse_flushed`.
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
        refuse_flushed(rows[part], norms[part])
    return norms


def unit(rows: Float[Tensor, "n d"]) -> Float[Tensor, "n d"]:
    """The rows at length 1 in float32, whatever their dtype and scale; rows of zeros stay.

    Raises:
        InvalidInputError: as `refuse_flushed`.
    """
    norms = row_norms(rows)
    return (rows.double() / norms.where(norms > 0, 1.0)[:, None]).float()


def refuse_flushed(rows: Float[Tensor, "n d"], lengths: Float64[Tensor, " n"]) -> None:
    """Nothing, unless entries that are not zero count as zero in this process.

    That is what `torch.set_flush_denormal(True)` does to numbers below the smallest normal one. A
    row of them has a direction, and would pass for a row of zeros. `lengths` are those of the rows,
    or their largest magnitudes.

    Raises:
        InvalidInputError: a row holds such entries, and nothing beside which they are negligible.
    """
    short = (lengths < _SHORT.get(rows.dtype, 0.0)).nonzero()[:, 0]
    if not len(short):
        return
    some = rows[short].contiguous()
    integer, magnitude = _BITS[rows.dtype]
    lost = ((some.view(integer) & magnitude) != 0) & (some.double() == 0)
    if bool(lost.any()):
        raise InvalidInputError(
            f"{int(lost.any(dim=1).sum())} rows hold subnormal numbers, which this process flushes "
            "to zero, so that their direction is lost: call torch.set_flush_denormal(False), or "
            "multiply the rows by a number that makes them larger"
        )
