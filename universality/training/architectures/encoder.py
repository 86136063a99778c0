"""Pre-activations, which of them count, and what is decoded from those: dense or gathered.

An architecture states its rule once, on a `Support`: the entries of the codes that can be other
than zero, all of them (dense, with a leading axis of instances if there is one) or the listed ones.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias, final

import torch
from jaxtyping import Float, Int
from torch import Tensor

from universality.training.architectures.interface import Batch, Parameters
from universality.training.gather import (
    Active,
    active_preactivations,
    same_number_each,
    sparse_decode,
    where,
)

Weights: TypeAlias = tuple[Tensor, Tensor, Tensor]
"""Encoder rows, the bias added after them, and what is subtracted from the token before."""

_GROUP = 6
_SAMPLED = 16
_SPARSE = {torch.float32: 0.04, torch.bfloat16: 0.025}


@final
@dataclass(frozen=True, eq=False)
class Support:
    """Where codes can be other than zero, with pre-activations there that have gradients."""

    pre: Float[Tensor, "..."]
    """Pre-activations: one per entry, in float32, or all of them, in the batch's number format."""
    active: Active | None
    """The entries; None when all are kept."""
    batch: Batch
    """The tokens they are of."""

    def of_latents(self, values: Float[Tensor, "*instances d_sae"]) -> Float[Tensor, "..."]:
        """A number per latent at every entry."""
        if self.active is not None:
            return values[self.active.latents]
        return values.unsqueeze(-2).to(self.pre.dtype)

    def decode(
        self, codes: Float[Tensor, "..."], W_dec: Float[Tensor, "*instances d_sae d_out"]
    ) -> Float[Tensor, "*instances n_tokens d_out"]:
        """The decoder rows weighted by the codes, without a bias."""
        if self.active is not None:
            return sparse_decode(codes, self.active, W_dec, dtype=self.batch.dtype)
        return (codes.to(self.batch.dtype) @ W_dec.to(self.batch.dtype)).float()

    def per_token(self, codes: Float[Tensor, "..."]) -> Float[Tensor, "*instances"]:
        """Sum over the latents, mean over the tokens."""
        dims = None if self.active is not None else (-2, -1)
        return codes.sum(dim=dims, dtype=torch.float32) / self.batch.x.shape[-2]

    def firings(self, codes: Float[Tensor, "..."]) -> Float[Tensor, "*instances d_sae"]:
        """On how many tokens each latent has a code above zero; codes are never below."""
        if self.active is not None:
            fired = self.active.latents[codes > 0]
            return torch.bincount(fired, minlength=self.active.d_sae).float()
        return codes.sign().sum(dim=-2, dtype=torch.float32)


def centred_weights(parameters: Parameters, *, bias: str = "b_enc") -> Weights:
    """Encoder, bias and b_dec of an autoencoder that subtracts b_dec first."""
    return parameters["W_enc"], parameters[bias], parameters["b_dec"]


@torch.no_grad()
def preactivations(weights: Weights, batch: Batch) -> Float[Tensor, "*instances n_tokens d_sae"]:
    """`W_enc @ (x - b_dec) + b_enc` of every token, in the batch's number format."""
    W_enc, bias = weights[0].to(batch.dtype), weights[1].to(batch.dtype)
    centred = (batch.x - weights[2].unsqueeze(-2)).to(batch.dtype)
    if centred.ndim == 2:
        return torch.addmm(bias, centred, W_enc.mT)
    return centred @ W_enc.mT + bias.unsqueeze(-2)


def supported(
    weights: Weights, batch: Batch, keep: Callable[[Tensor], Tensor]
) -> tuple[Float[Tensor, "*instances n_tokens d_sae"], Support]:
    """All pre-activations without gradient, and the support where `keep` of them is true.

    Entries are listed where they are few enough for that to be faster, by every 16th token; else
    all are kept, and the rule must itself give zero where `keep` is false.
    """
    pre = preactivations(weights, batch)
    if not batch.gather or pre.ndim > 2:
        return pre, everywhere(weights, batch, pre)
    some = keep(pre[::_SAMPLED])
    if float(some.sum()) > _SPARSE[batch.dtype] * some.numel():
        return pre, everywhere(weights, batch, pre)
    return pre, at(where(keep(pre)), weights, batch, pre)


def everywhere(weights: Weights, batch: Batch, pre: Float[Tensor, "..."]) -> Support:
    """All entries."""
    dense: Tensor = _Linear.apply(batch.x, pre, *weights)  # type: ignore[no-untyped-call]
    return Support(dense, None, batch)


def at(
    active: Active, weights: Weights, batch: Batch, pre: Float[Tensor, "n_tokens d_sae"]
) -> Support:
    """The listed entries."""
    values = pre.flatten()[active.tokens * active.d_sae + active.latents].float()
    return _listed(active, values, weights, batch)


def largest_each(
    weights: Weights, batch: Batch, pre: Float[Tensor, "n_tokens d_sae"], k: int
) -> Support:
    """The k largest entries of each token."""
    values, latents = largest(pre, k)
    active = same_number_each(latents, pre.shape[1])
    return _listed(active, values.float().flatten(), weights, batch)


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


def _listed(active: Active, values: Tensor, weights: Weights, batch: Batch) -> Support:
    pre = active_preactivations(batch.x, active, values, weights, dtype=batch.dtype)
    return Support(pre, active, batch)


def dead_loss(
    weights: Weights,
    W_dec: Float[Tensor, "d_sae d_out"],
    batch: Batch,
    *,
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
    active = same_number_each(indices[chosen], pre.shape[1])
    constant = (*weights[:2], weights[2].detach())
    support = _listed(active, values.float().flatten(), constant, batch)
    left = error - support.decode(support.pre.relu(), W_dec)
    return left.square().sum() / error.square().sum().clamp_min(torch.finfo(error.dtype).tiny)


class _Linear(torch.autograd.Function):
    # The pre-activations that were computed already, as they are, with the gradients of
    # W_enc @ (x - b_dec) + b_enc. Without a gradient of x, that of b_dec is a row of W_enc's.
    @staticmethod
    def forward(
        ctx: Any, x: Tensor, pre: Tensor, W_enc: Tensor, _bias: Tensor, b_dec: Tensor
    ) -> Tensor:
        ctx.save_for_backward(x, W_enc, b_dec)
        return pre.view_as(pre)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[None, None, Tensor, Tensor, Tensor | None]:
        x, W_enc, b_dec = ctx.saved_tensors
        centred = (x - b_dec.unsqueeze(-2)).to(gradient.dtype)
        toward_W = (gradient.mT @ centred).float()
        toward_bias = gradient.sum(dim=-2, dtype=torch.float32)
        toward_b_dec = None
        if ctx.needs_input_grad[4]:
            toward_b_dec = -(toward_bias.unsqueeze(-2) @ W_enc).squeeze(-2)
        return None, None, toward_W, toward_bias, toward_b_dec
