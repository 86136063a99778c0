"""TopK: the k largest pre-activations of each token (Makhzani and Frey 2013, Gao et al. 2024)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, final

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import mse_loss

from universality.activation_functions import TopK
from universality.dictionary import Dictionary
from universality.errors import InvalidInputError
from universality.training.architectures.centred import centred_dictionary, tied_start
from universality.training.architectures.encoder import (
    dead_loss,
    largest,
    occurring,
    preactivations,
)
from universality.training.architectures.interface import Batch, Parameters, Space, StepLoss
from universality.training.architectures.sphere import project_gradient, renormalise
from universality.training.gather import active_preactivations, sparse_decode


@final
@dataclass(frozen=True)
class TopKRecipe:
    """Reconstruction from the k largest, and the auxiliary loss on 2k dead latents."""

    name: ClassVar[str] = "topk"
    """As `--architecture` spells it."""
    k: int = 32
    """Latents per token; that of the shipped runs."""

    def check(self, d_sae: int) -> None:
        """Nothing, when the width holds k latents.

        Raises:
            InvalidInputError: k is below 1 or above d_sae.
        """
        check_k(self.k, d_sae)

    def start(self, space: Space, generator: torch.Generator) -> Parameters:
        """Isotropic unit decoder rows, the encoder equal to them, b_dec the centre."""
        return tied_start(space, generator)

    def loss(self, parameters: Parameters, batch: Batch) -> StepLoss:
        """Fraction of variance unexplained, and of the error by dead latents."""
        return (_sparse if batch.gather else _dense)(parameters, batch, self.k)

    def before_step(self, parameters: Parameters) -> None:
        """Project the decoder's gradient."""
        project_gradient(parameters["W_dec"])

    def after_step(self, parameters: Parameters) -> None:
        """Decoder rows of norm 1."""
        renormalise(parameters["W_dec"])

    def dictionary(self, parameters: Parameters) -> Dictionary:
        """The TopK rule with these weights."""
        return centred_dictionary(parameters, TopK(self.k))


def check_k(k: int, d_sae: int) -> None:
    """Nothing, when k latents per token can be kept of d_sae.

    Raises:
        InvalidInputError: k is below 1 or above d_sae.
    """
    if k < 1:
        raise InvalidInputError(f"--k must be at least 1, got {k}")
    if k > d_sae:
        raise InvalidInputError(f"--k {k} exceeds the width, d_sae={d_sae}")


def _sparse(parameters: Parameters, batch: Batch, k: int) -> StepLoss:
    with torch.no_grad():
        pre = preactivations(parameters, batch)
        values, latents = largest(pre, k)
    weights = (parameters["W_enc"], parameters["b_enc"], parameters["b_dec"])
    active = active_preactivations(batch.x, latents, values.float(), weights).relu()
    reconstruction = sparse_decode(active, latents, parameters["W_dec"]) + parameters["b_dec"]
    positive = values > 0
    fired = occurring(latents[positive], len(parameters["W_enc"]))
    l0 = positive.sum() / len(batch.x)
    return _step_loss(parameters, batch, pre, reconstruction, k=k, fired=fired, l0=l0)


def _dense(parameters: Parameters, batch: Batch, k: int) -> StepLoss:
    pre = preactivations(parameters, batch)
    codes = pre.float().relu()
    codes = codes * torch.zeros_like(codes).scatter_(1, pre.topk(k, dim=1).indices, 1.0)
    decoded = (codes.to(batch.dtype) @ parameters["W_dec"].to(batch.dtype)).float()
    fired, l0 = (codes > 0).any(dim=0), (codes > 0).sum() / len(batch.x)
    reconstruction = decoded + parameters["b_dec"]
    return _step_loss(parameters, batch, pre, reconstruction, k=k, fired=fired, l0=l0)


def _step_loss(
    parameters: Parameters,
    batch: Batch,
    pre: Float[Tensor, "n_tokens d_sae"],
    reconstruction: Float[Tensor, "n_tokens d_out"],
    *,
    k: int,
    fired: Tensor,
    l0: Tensor,
) -> StepLoss:
    total = len(batch.x) * batch.variance
    fvu = mse_loss(reconstruction, batch.target, reduction="sum") / total
    loss = fvu
    if batch.dead_weight > 0 and bool(batch.dead.any()):
        error = batch.target - reconstruction
        loss = loss + batch.dead_weight * dead_loss(parameters, batch, pre, error, 2 * k)
    return StepLoss(loss, fvu.detach(), fired, l0)
