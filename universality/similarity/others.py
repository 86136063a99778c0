"""The similarity of a run with itself in which no latent may be its own partner."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from universality.errors import InvalidInputError
from universality.similarity.interface import Index, Seen

_FORBIDDEN = -4.0
"""Similarity of a latent with itself, in units of the ceiling. With all others between -1 and 1,
exchanging the partners of two latents gains more than 1 where it frees one of them from itself, so
no best assignment of two or more latents keeps such a pair."""


@final
@dataclass(frozen=True, eq=False)
class Others(Seen):
    """A similarity of a run with itself without the pairs of a latent with itself.

    The others lie no further below 0 than their ceiling above it; these count as -4 ceilings, which
    no best assignment of two or more latents takes.

    Raises:
        InvalidInputError: the two sides differ in number, so they are not one run.
    """

    def __post_init__(self) -> None:
        n_a, n_b = self.similarity.shape
        if n_a != n_b:
            raise InvalidInputError(
                f"the latents of one run are compared with each other, but here are {n_a} and {n_b}"
            )

    def block(
        self, rows: Index, cols: Index, *, fine: bool = False
    ) -> tuple[Float[Tensor, "rows cols"], float]:
        """Similarities of some latents with some of the same run, and a bound on their error."""
        values, error = self.similarity.block(rows, cols, fine=fine)
        i, j = (torch.arange(self.shape[0], device=values.device)[part] for part in (rows, cols))
        return values.masked_fill_(i[:, None] == j, _FORBIDDEN * self.ceiling), error

    def at(
        self, i: Int64[Tensor, " n_pairs"], j: Int64[Tensor, " n_pairs"]
    ) -> Float[Tensor, " n_pairs"]:
        """Similarity of each pair in float64."""
        return self.similarity.at(i, j).masked_fill_(i == j, _FORBIDDEN * self.ceiling)
