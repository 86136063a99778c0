"""Products with only the active rows of a weight matrix, and their gradients.

With k of d_sae latents active, the decoder and both weight gradients need k/d_sae of the dense
work. `embedding_bag` does it on any device, for the gradient of a matrix with the roles of tokens
and latents exchanged.
"""

from __future__ import annotations

from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import embedding_bag


def sparse_decode(
    values: Float[Tensor, "n_tokens k"],
    latents: Int[Tensor, "n_tokens k"],
    W_dec: Float[Tensor, "d_sae d_in"],
) -> Float[Tensor, "n_tokens d_in"]:
    """The sum of each token's active decoder rows, weighted; differentiable in both."""
    decoded: Tensor = _SparseDecode.apply(values, latents, W_dec)  # type: ignore[no-untyped-call]
    return decoded


def active_preactivations(
    x: Float[Tensor, "n_tokens d_in"],
    latents: Int[Tensor, "n_tokens k"],
    values: Float[Tensor, "n_tokens k"],
    weights: tuple[Float[Tensor, "d_sae d_in"], Float[Tensor, " d_sae"], Float[Tensor, " d_in"]],
) -> Float[Tensor, "n_tokens k"]:
    """`values` themselves, with the gradients of `W_enc @ (x - b_dec) + b_enc` at those latents.

    `weights` are W_enc, b_enc and b_dec. The values were computed in some faster way, over all
    latents, to find the active ones; `x` gets no gradient.
    """
    kept: Tensor = _ActivePreactivations.apply(x, latents, values, *weights)  # type: ignore[no-untyped-call]
    return kept


class _SparseDecode(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, values: Tensor, latents: Tensor, W_dec: Tensor) -> Tensor:
        ctx.save_for_backward(values, latents, W_dec)
        return embedding_bag(latents, W_dec, mode="sum", per_sample_weights=values)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, Tensor]:
        values, latents, W_dec = ctx.saved_tensors
        by_row = _row_products(gradient.contiguous(), W_dec, latents)
        return by_row, None, _transposed(values, latents, gradient, len(W_dec))


class _ActivePreactivations(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        latents: Tensor,
        values: Tensor,
        W_enc: Tensor,
        _b_enc: Tensor,
        b_dec: Tensor,
    ) -> Tensor:
        ctx.save_for_backward(x, latents, W_enc, b_dec)
        return values.clone()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[None, None, None, Tensor, Tensor, Tensor]:
        x, latents, W_enc, b_dec = ctx.saved_tensors
        by_latent = torch.zeros(len(W_enc), dtype=gradient.dtype, device=gradient.device)
        by_latent.index_add_(0, latents.flatten(), gradient.flatten())
        toward_W = _transposed(gradient, latents, x, len(W_enc)) - torch.outer(by_latent, b_dec)
        return None, None, None, toward_W, by_latent, -(by_latent @ W_enc)


def _row_products(x: Tensor, W: Tensor, latents: Tensor) -> Tensor:
    # x_t . W_j at the active (t, j): what autograd calls for the weights of an embedding bag.
    n_tokens, k = latents.shape
    tokens = torch.arange(n_tokens, device=x.device).repeat_interleave(k)
    offsets = torch.arange(0, n_tokens * k, k, device=x.device)
    products: Tensor = torch.ops.aten._embedding_bag_per_sample_weights_backward(
        x, W, latents.flatten(), offsets, tokens, 0
    )
    return products.view(n_tokens, k)


def _transposed(values: Tensor, latents: Tensor, x: Tensor, d_sae: int) -> Tensor:
    # The codes, transposed, times x: one bag of tokens per latent.
    flat = latents.flatten()
    order = flat.argsort(stable=True)
    ends = torch.bincount(flat, minlength=d_sae).cumsum(0)
    starts = torch.cat([ends.new_zeros(1), ends[:-1]])
    return embedding_bag(
        order // latents.shape[1],
        x.contiguous(),
        starts,
        mode="sum",
        per_sample_weights=values.flatten()[order],
    )
