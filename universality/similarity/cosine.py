"""Cosine similarity of directions, computed in blocks with a bound on the rounding error."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import final

import torch
from jaxtyping import Float, Float64, Int64
from torch import Tensor

from universality.compute.devices import resolve_device
from universality.compute.norms import refuse_flushed
from universality.errors import InvalidInputError
from universality.shapes import ArrayLike, as_matrix
from universality.similarity.interface import Index

_NUMBERS_PER_STEP = 1 << 16
_FLOAT64_ROUNDING = 2.0**-51
_UNIT_ROUNDOFF = {torch.float64: 2.0**-53, torch.float32: 2.0**-24, torch.bfloat16: 2.0**-8}


@final
@dataclass(frozen=True, eq=False)
class Directions:
    """The rows of one side, as they came and as unit rows ready for a matrix product."""

    rows: Float[Tensor, "n d"]
    """The rows in the dtype they came in; float64 ones already divided by their norms."""
    norms: Float64[Tensor, " n"]
    """Length of each row; 0 marks a zero row."""
    unit: Float[Tensor, "n d"]
    """The rows divided by their norms, rounded to the precision of the blocks."""
    rounding: float
    """Largest distance between a rounded unit row and the exact one."""

    def unit_float64(self, index: Index) -> Float64[Tensor, "n_some d"]:
        """Unit rows in float64; zero rows stay zero."""
        norms = self.norms[index]
        return self.rows[index].double() / norms.where(norms > 0, 1.0)[:, None]


@final
@dataclass(frozen=True, eq=False)
class Cosine:
    """Cosine of every row of a with every row of b, in [-1, 1]; 0 where either row is zero.

    With `absolute`, its magnitude, for directions whose sign means nothing.
    """

    a: Directions
    """Rows of the first run."""
    b: Directions
    """Rows of the second run."""
    absolute: bool = False
    """Whether the sign is dropped."""

    @classmethod
    def between(
        cls,
        a: ArrayLike,
        b: ArrayLike,
        *,
        absolute: bool = False,
        device: torch.device | str | None = None,
        precision: torch.dtype | None = None,
    ) -> Cosine:
        """The cosine of two matrices of directions.

        Args:
            a: Rows of the first run; any floating dtype, any scale.
            b: Rows of the second run, of the same width.
            absolute: Drop the sign.
            device: Where to compute; where `a` lies if None.
            precision: Of the blocks: float64, float32 or bfloat16. None takes bfloat16 where the
                hardware multiplies it faster and float32 elsewhere. Results do not depend on it.

        Raises:
            InvalidInputError: a matrix is malformed, or the widths differ.
        """
        left, right = as_matrix(a, "a"), as_matrix(b, "b")
        if left.shape[1] != right.shape[1]:
            raise InvalidInputError(
                f"a and b must have rows of one width, got d={left.shape[1]} and d={right.shape[1]}"
            )
        place = resolve_device(device) if device is not None else left.device
        dtype = precision if precision is not None else _fastest_precision(place)
        if dtype not in _UNIT_ROUNDOFF:
            raise InvalidInputError(
                f"precision must be float64, float32 or bfloat16, got {precision}"
            )
        return cls(
            _directions(left.to(place), dtype), _directions(right.to(place), dtype), absolute
        )

    @property
    def shape(self) -> tuple[int, int]:
        """(n_a, n_b)."""
        return self.a.rows.shape[0], self.b.rows.shape[0]

    @property
    def device(self) -> torch.device:
        """Where the rows lie."""
        return self.a.rows.device

    @property
    def ceiling(self) -> float:
        """Cosines are at most 1."""
        return 1.0

    def block(
        self, rows: Index, cols: Index, *, fine: bool = False
    ) -> tuple[Float[Tensor, "rows cols"], float]:
        """Cosines of some rows of a with some of b, and a bound on their error.

        The bound holds for any order of summation with accumulation in float32 or better:
        distance of the rounded rows from the exact ones by Cauchy-Schwarz, then d roundings of
        the sum, then one of the result.
        """
        if fine and self.a.unit.dtype != torch.float64:
            x, y = self.a.unit_float64(rows), self.b.unit_float64(cols)
            error = _product_error(torch.float64, x.shape[1], _FLOAT64_ROUNDING, _FLOAT64_ROUNDING)
        else:
            x, y = self.a.unit[rows], self.b.unit[cols]
            error = _product_error(x.dtype, x.shape[1], self.a.rounding, self.b.rounding)
        with _full_accumulation():
            values = x @ y.T
        return (values.abs_() if self.absolute else values), error

    def at(
        self, i: Int64[Tensor, " n_pairs"], j: Int64[Tensor, " n_pairs"]
    ) -> Float64[Tensor, " n_pairs"]:
        """Cosine of each pair in float64, summed along the row, independent of other pairs."""
        values = torch.empty(i.shape[0], dtype=torch.float64, device=self.device)
        d = self.a.rows.shape[1]
        step = max(1, _NUMBERS_PER_STEP // d)
        # Buffers are kept over the loop: fresh memory would cost more than the arithmetic.
        rows_a, rows_b = (side.rows.new_empty((step, d)) for side in (self.a, self.b))
        x, y = (side.to(torch.float64, copy=True) for side in (rows_a, rows_b))
        for start in range(0, i.shape[0], step):
            part = slice(start, start + step)
            n = i[part].shape[0]
            x[:n] = torch.index_select(self.a.rows, 0, i[part], out=rows_a[:n])
            y[:n] = torch.index_select(self.b.rows, 0, j[part], out=rows_b[:n])
            torch.sum(x[:n].mul_(y[:n]), dim=1, out=values[part])
        lengths = self.a.norms[i] * self.b.norms[j]
        values /= lengths.where(lengths > 0, 1.0)
        return values.abs_() if self.absolute else values


def _product_error(dtype: torch.dtype, d: int, rounding_a: float, rounding_b: float) -> float:
    accumulator = _UNIT_ROUNDOFF[torch.float64 if dtype == torch.float64 else torch.float32]
    rows = rounding_a + (1 + rounding_a) * rounding_b
    sums = (2 * (d + 2) * accumulator + _UNIT_ROUNDOFF[dtype]) * (1 + rounding_a) * (1 + rounding_b)
    return rows + 1.01 * sums


def _directions(rows: Tensor, dtype: torch.dtype) -> Directions:
    norms = torch.empty(rows.shape[0], dtype=torch.float64, device=rows.device)
    unit = torch.empty(rows.shape, dtype=dtype, device=rows.device)
    kept = torch.empty_like(rows) if rows.dtype == torch.float64 else rows
    rounding = _FLOAT64_ROUNDING
    step = max(1, _NUMBERS_PER_STEP // max(1, rows.shape[1]))
    for start in range(0, rows.shape[0], step):
        part = slice(start, start + step)
        exact = rows[part].double()
        if rows.dtype == torch.float64:  # whose squares could leave the range
            largest = exact.abs().amax(dim=1)
            exact = exact / largest.where(largest > 0, 1.0)[:, None]
            refuse_flushed(rows[part], largest)
        length = exact.norm(dim=1)
        if rows.dtype != torch.float64:
            refuse_flushed(rows[part], length)
        exact.div_(length.where(length > 0, 1.0)[:, None])
        unit[part] = exact
        if dtype != torch.float64:
            rounding = max(rounding, float((exact - unit[part]).norm(dim=1).max()))
        if rows.dtype == torch.float64:
            kept[part], norms[part] = exact, (length > 0).double()
        else:
            norms[part] = length
    return Directions(kept, norms, unit, rounding)


def _fastest_precision(device: torch.device) -> torch.dtype:
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float32
    if device.type == "cpu" and torch.cpu._is_avx512_bf16_supported():
        return torch.bfloat16
    return torch.float32


@contextmanager
def _full_accumulation() -> Iterator[None]:
    """The product's own precision, whatever shortcuts the caller's process allows."""
    matmul = torch.backends.cuda.matmul
    before = torch.get_float32_matmul_precision(), matmul.allow_bf16_reduced_precision_reduction
    torch.set_float32_matmul_precision("highest")
    matmul.allow_bf16_reduced_precision_reduction = False
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before[0])
        matmul.allow_bf16_reduced_precision_reduction = before[1]
