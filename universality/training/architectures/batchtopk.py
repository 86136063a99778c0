"""BatchTopK: the k n largest pre-activations of a batch of n tokens (Bussmann et al. 2024)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, final

import torch
from jaxtyping import Float, Int
from torch import Tensor

from universality.activation_functions import JumpReLU
from universality.dictionary import Dictionary
from universality.training.architectures.encoder import (
    Support,
    Weights,
    at,
    centred_weights,
    everywhere,
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
from universality.training.architectures.topk import check_k
from universality.training.gather import from_flat

_SAMPLE = 65_536
_MARGIN = 1.2


@dataclass(frozen=True)
class KLargestOfBatch(Architecture):
    """What recipes have in common that share a budget of k per token over a batch.

    After training one threshold, set on tokens held out, stands for it.
    """

    k: int = 32
    """Latents per token, on average."""

    @property
    def calibrated_l0(self) -> float | None:
        """K."""
        return float(self.k)

    def check(self, d_sae: int) -> None:
        """Nothing, when the width holds k latents.

        Raises:
            InvalidInputError: k is below 1 or above d_sae.
        """
        check_k(self.k, d_sae)

    def dictionary(self, parameters: Parameters) -> Dictionary:
        """The JumpReLU rule with these weights and thresholds of zero, to be calibrated."""
        return centred_dictionary(parameters, JumpReLU(torch.zeros_like(parameters["b_enc"])))


@final
@dataclass(frozen=True)
class BatchTopKRecipe(KLargestOfBatch):
    """As TopK, with the budget shared by the tokens of a batch."""

    name: ClassVar[str] = "batchtopk"

    def loss(self, parameters: Parameters, batch: Batch) -> StepLoss:
        """Fraction of variance unexplained, and of the error by dead latents."""
        weights, W_dec = centred_weights(parameters), parameters["W_dec"]
        pre, support, codes = batch_topk(weights, batch, self.k)
        reconstruction = support.decode(codes, W_dec) + parameters["b_dec"].unsqueeze(-2)
        fvu = unexplained(reconstruction, batch)
        loss = with_dead(
            fvu, weights, W_dec, batch, pre=pre, reconstruction=reconstruction, k=2 * self.k
        )
        return step_loss(support, codes, loss=loss, fvu=fvu, reconstruction=reconstruction)


def batch_topk(weights: Weights, batch: Batch, k: int) -> tuple[Tensor, Support, Tensor]:
    """All pre-activations, the support of the k n largest of them, and the codes there."""
    pre = preactivations(weights, batch)
    n_tokens, d_sae = pre.shape
    entries = largest_of_all(pre, k * n_tokens)
    if batch.gather:
        support = at(from_flat(entries, n_tokens, d_sae), weights, batch, pre)
        return pre, support, support.pre.relu()
    support = everywhere(weights, batch, pre)
    kept = torch.zeros_like(support.pre)
    kept.view(-1)[entries] = 1.0
    return pre, support, support.pre.relu() * kept


def largest_of_all(pre: Float[Tensor, "n_tokens d_sae"], count: int) -> Int[Tensor, " count"]:
    """Flat indices of the `count` largest entries of the matrix, ascending.

    A sample tells from where on to look, so that few entries have to be ordered; where it misleads
    all are.
    """
    flat = pre.flatten()
    stride = max(1, flat.numel() // _SAMPLE)
    while math.gcd(stride, pre.shape[1]) > 1 and stride > 1:
        stride += 1
    sample = flat[::stride]
    rank = min(len(sample), int(_MARGIN * count / stride) + 16)
    candidates = (flat >= sample.topk(rank, sorted=False).values.min()).nonzero().squeeze(1)
    if len(candidates) < count:
        return flat.topk(count, sorted=False).indices.sort().values
    chosen = flat[candidates].topk(count, sorted=False).indices
    return candidates[chosen].sort().values
