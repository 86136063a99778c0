"""What a similarity must offer so that it can be matched."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, TypeAlias, final, runtime_checkable

import torch
from jaxtyping import Float, Int64
from torch import Tensor

Index: TypeAlias = "slice | Tensor"
"""Which latents of one side: a range, or an int64 tensor of indices."""


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

    @property
    def ceiling(self) -> float:
        """What no similarity exceeds, known without looking."""
        ...

    def block(
        self, rows: Index, cols: Index, *, fine: bool = False
    ) -> tuple[Float[Tensor, "rows cols"], float]:
        """Similarities of some latents of a with some of b, and a rigorous bound on their error.

        Every value is within the bound of what `at` gives for the pair. The tensor belongs to the
        caller. With `fine`, the values are in float64 and the bound is at most about 1e-12.
        """
        ...

    def at(
        self, i: Int64[Tensor, " n_pairs"], j: Int64[Tensor, " n_pairs"]
    ) -> Float[Tensor, " n_pairs"]:
        """Similarity of each pair (i, j), in float64, the same whatever pairs come with it."""
        ...


@dataclass(frozen=True, eq=False)
class Seen:
    """Another similarity, seen in another way; what is not said anew is as it was given."""

    similarity: Similarity
    """The similarity as it was given."""

    @property
    def shape(self) -> tuple[int, int]:
        """(n_a, n_b)."""
        return self.similarity.shape

    @property
    def device(self) -> torch.device:
        """Where blocks are computed and returned."""
        return self.similarity.device

    @property
    def ceiling(self) -> float:
        """What no similarity exceeds."""
        return self.similarity.ceiling


@final
@dataclass(frozen=True, eq=False)
class Transposed(Seen):
    """The same similarity with the sides exchanged."""

    @property
    def shape(self) -> tuple[int, int]:
        """(n_b, n_a) of what was given."""
        n_a, n_b = self.similarity.shape
        return n_b, n_a

    def block(
        self, rows: Index, cols: Index, *, fine: bool = False
    ) -> tuple[Float[Tensor, "rows cols"], float]:
        """Similarities of some latents of b with some of a, and a bound on their error."""
        values, error = self.similarity.block(cols, rows, fine=fine)
        return values.T.contiguous(), error

    def at(
        self, i: Int64[Tensor, " n_pairs"], j: Int64[Tensor, " n_pairs"]
    ) -> Float[Tensor, " n_pairs"]:
        """Similarity of each pair (j, i), in float64."""
        return self.similarity.at(j, i)
