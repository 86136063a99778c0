"""TopK: the k largest pre-activations of each token (Makhzani and Frey 2013, Gao et al. 2024)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, final

import torch

from universality.activation_functions import TopK
from universality.dictionary import Dictionary
from universality.errors import InvalidInputError
from universality.training.architectures.encoder import (
    centred_weights,
    everywhere,
    largest_each,
    preactivations,
)
from universality.training.architectures.interface import (
    Architecture,
    Batch,
    Parameters,
    StepLoss,
    centred_dictionary,
)
from universality.training.architectures.losses import step_loss, unexplained, with_dead


@dataclass(frozen=True)
class KLargest(Architecture):
    """What recipes have in common whose tokens are made of their k largest pre-activations."""

    k: int = 32
    """Latents per token; that of the shipped runs."""

    def check(self, d_sae: int) -> None:
        """Nothing, when the width holds k latents.

        Raises:
            InvalidInputError: k is below 1 or above d_sae.
        """
        check_k(self.k, d_sae)

    def loss(self, parameters: Parameters, batch: Batch) -> StepLoss:
        """Fraction of variance unexplained, and of the error by dead latents."""
        return topk_loss(parameters, batch, self.k)

    def dictionary(self, parameters: Parameters) -> Dictionary:
        """The TopK rule with these weights."""
        return centred_dictionary(parameters, TopK(self.k))


@final
@dataclass(frozen=True)
class TopKRecipe(KLargest):
    """Reconstruction from the k largest, and the auxiliary loss on 2k dead latents."""

    name: ClassVar[str] = "topk"


def check_k(k: int, d_sae: int) -> None:
    """Nothing, when k latents per token can be kept of d_sae.

    Raises:
        InvalidInputError: k is below 1 or above d_sae.
    """
    if k < 1:
        raise InvalidInputError(f"--k must be at least 1, got {k}")
    if k > d_sae:
        raise InvalidInputError(f"--k {k} exceeds the width, d_sae={d_sae}")


def topk_loss(parameters: Parameters, batch: Batch, k: int) -> StepLoss:
    """Fraction of variance unexplained by the k largest, and of that by 2k dead latents."""
    weights, W_dec = centred_weights(parameters), parameters["W_dec"]
    pre = preactivations(weights, batch)
    if batch.gather and pre.ndim == 2:
        support = largest_each(weights, batch, pre, k)
        codes = support.pre.relu()
    else:
        support = everywhere(weights, batch, pre)
        kept = torch.zeros_like(support.pre).scatter_(-1, pre.topk(k, dim=-1).indices, 1.0)
        codes = support.pre.relu() * kept
    reconstruction = support.decode(codes, W_dec) + parameters["b_dec"].unsqueeze(-2)
    fvu = unexplained(reconstruction, batch)
    loss = with_dead(fvu, weights, W_dec, batch, pre=pre, reconstruction=reconstruction, k=2 * k)
    return step_loss(support, codes, loss=loss, fvu=fvu, reconstruction=reconstruction)
