"""What a similarity must offer so that it can be matched."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float, Int64
from torch import Tensor


@runtime_checkable
class Similarity(Protocol):
    """All similarities between the latents of two runs, looked at block by block, never whole.

    Larger is closer. `at` is the truth; `block` may be cheaper and coarser as long as it says by
    how much. Neither may depend on which other pairs are asked for in the same call, beyond the
    stated bound.
    """

    @property
    def shape(self) -> tuple[int, int]:
        """(n_a, n_b)."""
        ...

    @property
    def device(self) -> torch.device:
        """Where blocks are computed and returned."""
        ...

    def block(self, rows: slice, cols: slice) -> tuple[Float[Tensor, "rows cols"], float]:
        """Similarities of a range of a with a range of b, and a rigorous bound on their error.

        Every value is within the bound of what `at` gives for the pair.
        """
        ...

    def at(
        self, i: Int64[Tensor, " n_pairs"], j: Int64[Tensor, " n_pairs"]
    ) -> Float[Tensor, " n_pairs"]:
        """Similarity of each pair (i, j), in float64, the same whatever pairs come with it."""
        ...
