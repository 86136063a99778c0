"""Pre-activations, the k largest of them, and the auxiliary loss of dead latents."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from universality.training.architectures.interface import Batch, Parameters
from universality.training.gather import active_preactivations, sparse_decode

_GROUP = 6


def preactivations(
    parameters: Parameters, batch: Batch
) -> Float[Tensor, "*instances n_tokens d_sae"]:
    """`W_enc @ (x - b_dec) + b_enc` of every token, in the batch's number format."""
    b_enc, W_enc = parameters["b_enc"].to(batch.dtype), parameters["W_enc"].to(batch.dtype)
    centred = (batch.x - parameters["b_dec"].unsqueeze(-2)).to(batch.dtype)
    if centred.ndim == 2:
        return torch.addmm(b_enc, centred, W_enc.mT)
    return centred @ W_enc.mT + b_enc.unsqueeze(-2)


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


def dead_loss(
    parameters: Parameters,
    batch: Batch,
    pre: Float[Tensor, "n_tokens d_sae"],
    error: Float[Tensor, "n_tokens d_out"],
    k: int,
) -> Float[Tensor, ""]:
    """How much of the error the k dead latents largest on each token leave unexplained.

    The auxiliary loss of Gao et al. 2024, as a fraction of the error; `pre` and `error` are taken
    as constants, and so is b_dec.
    """
    indices = batch.dead.nonzero().squeeze(1)
    error = error.detach()
    values, chosen = pre.detach()[:, indices].topk(min(k, len(indices)), dim=1, sorted=False)
    latents = indices[chosen]
    weights = (parameters["W_enc"], parameters["b_enc"], parameters["b_dec"].detach())
    active = active_preactivations(batch.x, latents, values.float(), weights).relu()
    left = error - sparse_decode(active, latents, parameters["W_dec"])
    return left.square().sum() / error.square().sum().clamp_min(torch.finfo(error.dtype).tiny)


def occurring(latents: Int[Tensor, " n"], d_sae: int) -> Bool[Tensor, " d_sae"]:
    """Which latents are among these."""
    return torch.bincount(latents, minlength=d_sae) > 0
