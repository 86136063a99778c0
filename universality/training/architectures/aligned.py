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

from universality.activation_functions import TopK
from universality.dictionary import Dictionary
from universality.training.architectures.interface import (
    Architecture,
    Batch,
    Parameters,
    StepLoss,
    centred_dictionary,
)
from universality.training.architectures.topk import check_k, topk_loss


@final
@dataclass(frozen=True)
class AlignedTopKRecipe(Architecture):
    """As TopK, and every latent that writes one unit reads one unit."""

    name: ClassVar[str] = "topk_aligned"
    k: int = 32
    """Latents per token."""

    def check(self, d_sae: int) -> None:
        """Nothing, when the width holds k latents.

        Raises:
            InvalidInputError: k is below 1 or above d_sae.
        """
        check_k(self.k, d_sae)

    def loss(self, parameters: Parameters, batch: Batch) -> StepLoss:
        """As of TopK."""
        return topk_loss(parameters, batch, self.k)

    def after_step(self, parameters: Parameters) -> None:
        """Decoder rows of norm 1, encoder rows of inner product 1 with them."""
        Architecture.after_step(self, parameters)
        align(parameters["W_enc"], parameters["W_dec"])

    def dictionary(self, parameters: Parameters) -> Dictionary:
        """The TopK rule with these weights."""
        return centred_dictionary(parameters, TopK(self.k))


@torch.no_grad()
def align(rows: Float[Tensor, "n d"], units: Float[Tensor, "n d"]) -> None:
    """Move rows to the nearest of inner product 1 with their unit rows, in place."""
    rows += (1 - (rows * units).sum(dim=1, keepdim=True)) * units
