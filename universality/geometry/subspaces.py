"""How much of one set of directions lies in the leading span of another.

Unstable latents may lie in a reproducible subspace of few dimensions (Gerasimov et al. 2026,
arXiv:2606.12138). Whether two sets do is asked by energy: the share of the squared length of the
unit rows of one that lies in the first r principal axes of the other. Dimensions beyond the true
ones add energy and take none away, so the answer does not fall as r grows; an overlap of two spans
of r dimensions does, since each brings axes of noise that the other lacks. Energy rises with r by
construction, from 0 to 1: a number is read beside r / d.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import torch
from jaxtyping import Float, Float64
from torch import Tensor
from torch.nn.functional import normalize


@final
@dataclass(frozen=True, eq=False)
class Span:
    """The principal axes of a set of directions, and how much lies along each."""

    axes: Float64[Tensor, "d d"]
    """Orthonormal columns, of the largest energy first."""
    energy: Float64[Tensor, " d"]
    """Share of the rows' squared length along each axis; adds up to 1."""

    @property
    def d(self) -> int:
        """Dimensions of the space."""
        return self.energy.numel()


def span_of(rows: Float[Tensor, "n d"]) -> Span:
    """The principal axes of the rows' second moment, each row at length 1; not centred.

    Beyond the rank of the rows axes are arbitrary, with an energy of zero. O(n d^2 + d^3).
    """
    rows = normalize(rows.double(), dim=1)
    energy, axes = torch.linalg.eigh(rows.T @ rows)
    energy = energy.flip(0).clamp(min=0)
    return Span(axes.flip(1), energy / energy.sum())


def energy_inside(
    a: Span, b: Span, *, cosines: Float[Tensor, "d d"] | None = None
) -> tuple[Float64[Tensor, " d"], Float64[Tensor, " d"]]:
    """The energy of a in the first r axes of b, and of b in those of a, for r = 1 ... d.

    Both rise to 1. Independent of the scale of rows, and of a rotation of both sets. In the mean
    over uniformly random rotations of one of them, both are r / d.

    Args:
        a: One set of directions.
        b: The other.
        cosines: Of a's axes (rows) with b's, in place of those that they have.
    """
    between = a.axes.T @ b.axes if cosines is None else cosines.double()
    squared = between.square()
    return (a.energy @ squared).cumsum(0), (squared @ b.energy).cumsum(0)
