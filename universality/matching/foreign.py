"""Somebody else's similarity, made safe to solve: finite, and of the size tolerances are made for.

Cosines and correlations lie between -1 and 1, and the solver's tolerances are for that size. Others
are divided by a power of two, which costs no digit, and checked wherever they are looked at: NaN
compares as nothing, and a search among such values does not end.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import final

import numpy as np
import torch
from jaxtyping import Float, Int64
from torch import Tensor

from universality.errors import InvalidInputError
from universality.matching.result import Matching
from universality.matching.tiling import Tiling
from universality.similarity import Clipped, Cosine, Index, Others, Similarity, Transposed
from universality.similarity.code_similarity import CodeSimilarity
from universality.similarity.interface import Seen


@final
@dataclass(frozen=True, eq=False)
class Checked(Seen):
    """A similarity divided by `scale`; whatever is read of it is finite.

    Raises:
        InvalidInputError: on reading a similarity that is NaN or infinite.
    """

    scale: float = 1.0
    """A power of two."""

    @property
    def ceiling(self) -> float:
        """What no similarity exceeds."""
        return self.similarity.ceiling / self.scale

    def block(
        self, rows: Index, cols: Index, *, fine: bool = False
    ) -> tuple[Float[Tensor, "rows cols"], float]:
        """Similarities of some latents of a with some of b, and a bound on their error."""
        values, error = self.similarity.block(rows, cols, fine=fine)
        _refuse_unless_finite(values)
        if not (math.isfinite(error) and error >= 0):
            raise InvalidInputError(f"a similarity's error bound must be finite, got {error}")
        return (values, error) if self.scale == 1 else (values / self.scale, error / self.scale)

    def at(
        self, i: Int64[Tensor, " n_pairs"], j: Int64[Tensor, " n_pairs"]
    ) -> Float[Tensor, " n_pairs"]:
        """Similarity of each pair, in float64."""
        values = self.similarity.at(i, j)
        _refuse_unless_finite(values)
        return values / self.scale


def is_ours(similarity: Similarity) -> bool:
    """Whether a similarity is finite and between -1 and 1 by the way it is made."""
    if isinstance(similarity, Clipped | Others | Transposed):
        return is_ours(similarity.similarity)
    return isinstance(similarity, Cosine | CodeSimilarity)


def checked(similarity: Similarity) -> Similarity:
    """The similarity itself if it is one of ours, else with every value checked to be finite."""
    return similarity if is_ours(similarity) else Checked(similarity)


def at_unit_scale(similarity: Similarity, tiling: Tiling) -> Checked:
    """Somebody else's similarity so that its largest magnitude is between a half and 1.

    Looks at every pair once.

    Raises:
        InvalidInputError: a similarity is NaN or infinite.
    """
    whole = Checked(similarity)
    n_a, n_b = similarity.shape
    largest = 0.0
    for start in range(0, n_a, tiling.block_rows):
        rows = slice(start, min(start + tiling.block_rows, n_a))
        for first in range(0, n_b, tiling.block_cols):
            values, error = whole.block(rows, slice(first, min(first + tiling.block_cols, n_b)))
            largest = max(largest, float(values.abs().max()) + error)
    return replace(whole, scale=math.ldexp(1.0, math.frexp(largest)[1]) if largest > 0 else 1.0)


def rescaled(matching: Matching, scale: float) -> Matching:
    """The same matching in the units of the similarity as it was given."""
    return replace(
        matching,
        similarity=matching.similarity * scale,
        total=matching.total * scale,
        upper_bound=matching.upper_bound * scale,
        u=matching.u * scale,
        v=matching.v * scale,
    )


def _refuse_unless_finite(values: Tensor) -> None:
    if not bool(torch.isfinite(values).all()):
        at = np.argwhere(~torch.isfinite(values).cpu().numpy())[0].tolist()
        raise InvalidInputError(
            f"similarities must be finite, but one is NaN or infinite (entry {at} of a block of "
            f"shape {tuple(values.shape)})"
        )
