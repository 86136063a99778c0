"""Floors: TopK whose decoder is random and stays so, or nearly so.

Their latents write what nobody learned, and still reconstruct well and look interpretable
(arXiv:2602.14111): whatever they share between seeds, a claim of stability has to exceed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, final

import torch
from jaxtyping import Float
from torch import Tensor

from universality.errors import InvalidInputError
from universality.training.architectures.interface import (
    Architecture,
    Parameters,
    Space,
    tied_start,
)
from universality.training.architectures.topk import KLargest


@final
@dataclass(frozen=True)
class FrozenDecoderRecipe(KLargest):
    """Only encoder and biases are trained."""

    name: ClassVar[str] = "frozen_decoder"
    frozen: ClassVar[frozenset[str]] = frozenset({"W_dec"})

    def before_step(self, parameters: Parameters) -> None:
        """Nothing: the decoder has no gradient."""

    def after_step(self, parameters: Parameters) -> None:
        """Nothing: the decoder did not move."""


@final
@dataclass(frozen=True)
class SoftFrozenDecoderRecipe(KLargest):
    """Each decoder row stays within a cone around its random start."""

    name: ClassVar[str] = "soft_frozen_decoder"
    frozen: ClassVar[frozenset[str]] = frozenset({"W_dec_start"})
    least_cosine: float = 0.8
    """Cosine with its start that no decoder row falls below (2602.14111)."""

    def check(self, d_sae: int) -> None:
        """Nothing, when the width holds k latents and the cone is one.

        Raises:
            InvalidInputError: k is below 1 or above d_sae, or the cosine is outside [0, 1).
        """
        KLargest.check(self, d_sae)
        if not 0 <= self.least_cosine < 1:
            raise InvalidInputError(f"--least-cosine must lie in [0, 1), got {self.least_cosine}")

    def start(self, space: Space, generator: torch.Generator) -> Parameters:
        """As of every architecture, the decoder kept twice."""
        parameters = tied_start(space, generator)
        return parameters | {"W_dec_start": parameters["W_dec"].clone()}

    def after_step(self, parameters: Parameters) -> None:
        """Decoder rows of norm 1, brought back to the surface of their cones."""
        Architecture.after_step(self, parameters)
        into_cone(parameters["W_dec"], parameters["W_dec_start"], self.least_cosine)


@torch.no_grad()
def into_cone(rows: Float[Tensor, "n d"], axes: Float[Tensor, "n d"], least_cosine: float) -> None:
    """Move unit rows too far from their unit axes to the nearest that are not, in place."""
    cosine = (rows * axes).sum(dim=1, keepdim=True)
    aside = rows - cosine * axes
    aside = aside / aside.norm(dim=1, keepdim=True).clamp_min(1e-12)
    nearest = least_cosine * axes + (1 - least_cosine**2) ** 0.5 * aside
    rows.copy_(torch.where(cosine < least_cosine, nearest, rows))
