"""One step's loss: reconstruction, sparsity penalty, and what pulls dead latents back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn.functional import mse_loss

from universality.training.gather import active_preactivations, sparse_decode
from universality.training.settings import TrainingSettings

_GROUP = 6


@final
@dataclass(frozen=True, eq=False)
class Weights:
    """The trained tensors, in the scaled space of the inputs."""

    W_enc: Float[Tensor, "d_sae d_in"]
    """Encoder, one row per latent."""
    W_dec: Float[Tensor, "d_sae d_in"]
    """Decoder, one unit row per latent."""
    b_enc: Float[Tensor, " d_sae"]
    """Encoder bias."""
    b_dec: Float[Tensor, " d_in"]
    """Decoder bias, also subtracted from the input."""

    def tensors(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """All four, in the order of the fields."""
        return self.W_enc, self.W_dec, self.b_enc, self.b_dec


@final
@dataclass(frozen=True, eq=False)
class StepLoss:
    """The loss of one batch, and what the training loop keeps count of."""

    loss: Float[Tensor, ""]
    """To be minimised."""
    fvu: float
    """Fraction of variance unexplained on this batch."""
    fired: Bool[Tensor, " d_sae"]
    """Latents active on some token."""
    l0: float
    """Active latents per token."""


def step_loss(
    weights: Weights,
    x: Float[Tensor, "n_tokens d_in"],
    *,
    dead: Bool[Tensor, " d_sae"],
    variance: float,
    l1: float,
    settings: TrainingSettings,
    dtype: torch.dtype,
) -> StepLoss:
    """Loss of a batch of scaled tokens, as a fraction of their variance.

    `dead` latents are asked to explain what the others leave over (Gao et al. 2024): an auxiliary
    loss on the 2k of them that are largest on each token. `l1` is the penalty's present weight.
    """
    if settings.architecture == "topk" and settings.decoder == "gather":
        pre, reconstruction, fired, l0 = _gather_topk(weights, x, settings.k, dtype)
    else:
        pre, codes = _dense_codes(weights, x, settings, dtype)
        reconstruction = (codes.to(dtype) @ weights.W_dec.to(dtype)).float() + weights.b_dec
        fired, l0 = (codes > 0).any(dim=0), float((codes > 0).sum()) / len(x)
    fvu = mse_loss(reconstruction, x, reduction="sum") / (len(x) * variance)
    loss = fvu
    if settings.architecture == "relu":
        loss = loss + l1 * codes.sum(dim=1).mean() / variance
    if settings.dead_weight > 0 and bool(dead.any()):
        error = (x - reconstruction).detach()
        toward = _dead_loss(weights, x, pre.detach(), error, dead, settings.k)
        loss = loss + settings.dead_weight * toward
    return StepLoss(loss, fvu.item(), fired, l0)


def _preactivations(weights: Weights, x: Tensor, dtype: torch.dtype) -> Tensor:
    centred = (x - weights.b_dec).to(dtype)
    return torch.addmm(weights.b_enc.to(dtype), centred, weights.W_enc.to(dtype).T)


def _gather_topk(
    weights: Weights, x: Tensor, k: int, dtype: torch.dtype
) -> tuple[Tensor, Tensor, Tensor, float]:
    with torch.no_grad():
        pre = _preactivations(weights, x, dtype)
        values, latents = largest(pre, k)
    active = active_preactivations(
        x, latents, values.float(), (weights.W_enc, weights.b_enc, weights.b_dec)
    ).relu()
    reconstruction = sparse_decode(active, latents, weights.W_dec) + weights.b_dec
    positive = values > 0
    fired = _occurring(latents[positive], len(weights.W_enc))
    return pre, reconstruction, fired, float(positive.sum()) / len(x)


def _dense_codes(
    weights: Weights, x: Tensor, settings: TrainingSettings, dtype: torch.dtype
) -> tuple[Tensor, Tensor]:
    pre = _preactivations(weights, x, dtype)
    codes = pre.float().relu()
    if settings.architecture == "topk":
        kept = torch.zeros_like(codes).scatter_(1, pre.topk(settings.k, dim=1).indices, 1.0)
        codes = codes * kept
    return pre, codes


def _dead_loss(
    weights: Weights, x: Tensor, pre: Tensor, error: Tensor, dead: Tensor, k: int
) -> Tensor:
    indices = dead.nonzero().squeeze(1)
    values, chosen = pre[:, indices].topk(min(2 * k, len(indices)), dim=1, sorted=False)
    latents = indices[chosen]
    active = active_preactivations(
        x, latents, values.float(), (weights.W_enc, weights.b_enc, weights.b_dec.detach())
    ).relu()
    left = error - sparse_decode(active, latents, weights.W_dec)
    return left.square().sum() / error.square().sum().clamp_min(torch.finfo(error.dtype).tiny)


def largest(
    pre: Float[Tensor, "n_tokens d_sae"], k: int
) -> tuple[Float[Tensor, "n_tokens k"], Int[Tensor, "n_tokens k"]]:
    """The k largest entries of each row with their columns, in no order.

    The k largest lie in the k groups with the largest maxima, so only those are searched: less
    than `topk` over all columns where k is small against d_sae.
    """
    n_tokens, d_sae = pre.shape
    if d_sae % _GROUP or d_sae < 2 * _GROUP * k:
        found = pre.topk(k, dim=1, sorted=False)
        return found.values, found.indices
    n_groups = d_sae // _GROUP
    groups = pre.view(n_tokens, _GROUP, n_groups).amax(dim=1).topk(k, dim=1, sorted=False).indices
    members = torch.arange(0, d_sae, n_groups, device=pre.device)
    columns = (groups[:, :, None] + members).flatten(1)
    found = pre.gather(1, columns).topk(k, dim=1, sorted=False)
    return found.values, columns.gather(1, found.indices)


def _occurring(latents: Int[Tensor, " n"], d_sae: int) -> Tensor:
    return torch.bincount(latents, minlength=d_sae) > 0
