"""TopK whose latents read exactly what they write: encoder and decoder rows of inner product 1.

The constraint of aligned training (Brzozowski and Chung, arXiv:2605.18629), which is said to make
features more stable over seeds. How the paper reparameterises could not be read: here the encoder's
part along the decoder row is set after every step, and what is across it is free.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, final

import torch
from jaxtyping import Float
from torch import Tensor

from universality.training.architectures.interface import Architecture, Parameters
from universality.training.architectures.topk import KLargest


@final
@dataclass(frozen=True)
class AlignedTopKRecipe(KLargest):
    """As TopK, and every latent that writes one unit reads one unit."""

    name: ClassVar[str] = "topk_aligned"

    def after_step(self, parameters: Parameters) -> None:
        """Decoder rows of norm 1, encoder rows of inner product 1 with them."""
        Architecture.after_step(self, parameters)
        align(parameters["W_enc"], parameters["W_dec"])


@torch.no_grad()
def align(rows: Float[Tensor, "n d"], units: Float[Tensor, "n d"]) -> None:
    """Move rows to the nearest of inner product 1 with their unit rows, in place."""
    rows += (1 - (rows * units).sum(dim=1, keepdim=True)) * units
