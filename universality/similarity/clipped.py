"""A similarity below which nothing counts: what is lower is seen as the price itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from universality.similarity.interface import Index, Seen


@final
@dataclass(frozen=True, eq=False)
class Clipped(Seen):
    """The larger of a similarity and a price."""

    price: float = -1.0
    """What every lower similarity counts as."""

    @property
    def ceiling(self) -> float:
        """What no value exceeds."""
        return max(self.similarity.ceiling, self.price)

    def block(
        self, rows: Index, cols: Index, *, fine: bool = False
    ) -> tuple[Float[Tensor, "rows cols"], float]:
        """Values of some latents of a with some of b, and a bound on their error.

        Taking the larger brings no two values farther apart; the price itself is rounded to the
        block's precision.
        """
        values, error = self.similarity.block(rows, cols, fine=fine)
        rounded = float(torch.tensor(self.price, dtype=values.dtype))
        return values.clamp_(min=rounded), error + abs(rounded - self.price)

    def at(
        self, i: Int64[Tensor, " n_pairs"], j: Int64[Tensor, " n_pairs"]
    ) -> Float[Tensor, " n_pairs"]:
        """Value of each pair in float64."""
        return self.similarity.at(i, j).clamp(min=self.price)
