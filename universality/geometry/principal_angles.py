"""How far the spans of two small sets of directions agree: their principal angles, many at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import torch
from jaxtyping import Float64, Int64
from torch import Tensor

_DEPENDENT = 1e-4
_AT_ONCE = 2**22


@final
@dataclass(frozen=True, eq=False)
class SpanAngles:
    """The principal angles of several pairs of spans, each pair by itself."""

    cosine: Float64[Tensor, " n"]
    """Of the largest angle: how near the other span every direction of the smaller one lies."""
    smaller: Int64[Tensor, " n"]
    """Dimensions of the smaller span: how many angles there are."""
    larger: Int64[Tensor, " n"]
    """Dimensions of the larger."""


def span_angles(
    a: Float64[Tensor, "n k_a d"], b: Float64[Tensor, "n k_b d"], *, n_given: int = 0
) -> SpanAngles:
    """The angles between the spans of rows of a and of rows of b, of each of n pairs.

    The first `n_given` rows of each are taken for granted: both spans are looked at beyond them,
    with each row freed of what the given rows of its own side say. Rows that depend on earlier ones
    add no dimension. A span without dimensions is orthogonal to every other. O(n k^2 d).

    Args:
        a: Unit rows of one side.
        b: Unit rows of the other.
        n_given: How many leading rows of each are given.
    """
    step = max(1, _AT_ONCE // (a.shape[2] * max(a.shape[1], b.shape[1])))
    found = [
        _angles(x, y, n_given)
        for x, y in zip(torch.split(a, step), torch.split(b, step), strict=True)
    ]
    cosine, smaller, larger = (torch.cat([one[k] for one in found]) for k in range(3))
    return SpanAngles(cosine, smaller, larger)


def cosine_with_span(
    row: Float64[Tensor, "n d"], span: Float64[Tensor, "k d"]
) -> Float64[Tensor, " n"]:
    """Cosine of each unit row with the nearest direction of the span of other rows."""
    basis, _ = _bases(span[None])
    cosine: Tensor = torch.linalg.vector_norm(row @ basis[0], dim=1).clamp(max=1)
    return cosine


def _angles(a: Tensor, b: Tensor, n_given: int) -> tuple[Tensor, Tensor, Tensor]:
    (of_a, rank_a), (of_b, rank_b) = (_bases(rows, n_given) for rows in (a, b))
    cosines = torch.linalg.svdvals(of_a.transpose(1, 2) @ of_b).clamp(max=1)
    smaller, larger = torch.minimum(rank_a, rank_b), torch.maximum(rank_a, rank_b)
    last = cosines.gather(1, (smaller - 1).clamp(min=0)[:, None])[:, 0]
    return last * (smaller > 0), smaller, larger


def _bases(rows: Tensor, n_given: int = 0) -> tuple[Tensor, Tensor]:
    """Orthonormal columns beyond the given rows, zero where a row adds none, and how many."""
    basis, triangle = torch.linalg.qr(rows.transpose(1, 2))
    adds = triangle.diagonal(dim1=1, dim2=2).abs() > _DEPENDENT
    basis = (basis * adds[:, None, :])[:, :, n_given:]
    return basis, adds[:, n_given:].sum(dim=1)
