"""From a reconstruction to the loss of a step: unexplained variance, penalty, dead latents."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import mse_loss

from universality.training.architectures.encoder import Support, Weights, dead_loss
from universality.training.architectures.interface import Batch, StepLoss

DEAD_LATENTS = 64
"""Dead latents per token in the auxiliary loss of architectures without a k: twice the usual 32."""


def unexplained(
    reconstruction: Float[Tensor, "*instances n_tokens d_out"], batch: Batch
) -> Float[Tensor, "*instances"]:
    """Squared error as a fraction of the variance."""
    total = batch.x.shape[-2] * batch.variance
    if reconstruction.ndim == 2:
        return mse_loss(reconstruction, batch.target, reduction="sum") / total
    return (reconstruction - batch.target).square().sum(dim=(-2, -1)) / total


def step_loss(
    support: Support,
    codes: Float[Tensor, "..."],
    *,
    loss: Float[Tensor, "*instances"],
    fvu: Float[Tensor, "*instances"],
    reconstruction: Float[Tensor, "*instances n_tokens d_out"],
) -> StepLoss:
    """The loss with what is counted of the codes."""
    firings = support.firings(codes.detach())
    l0 = firings.sum(dim=-1) / support.batch.x.shape[-2]
    return StepLoss(loss.sum(), fvu.detach(), firings > 0, l0, reconstruction.detach())


def with_dead(
    loss: Float[Tensor, "*instances"],
    weights: Weights,
    W_dec: Float[Tensor, "*instances d_sae d_out"],
    batch: Batch,
    *,
    pre: Float[Tensor, "*instances n_tokens d_sae"],
    reconstruction: Float[Tensor, "*instances n_tokens d_out"],
    k: int,
) -> Float[Tensor, "*instances"]:
    """The loss plus the auxiliary one on k dead latents, where there are any.

    Several instances have none: they resample.
    """
    if batch.dead_weight == 0 or pre.ndim > 2 or not bool(batch.dead.any()):
        return loss
    error = batch.target - reconstruction
    return loss + batch.dead_weight * dead_loss(weights, W_dec, batch, pre=pre, error=error, k=k)
