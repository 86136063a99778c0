"""Products with only the active rows of a weight matrix, and their gradients.

With k of d_sae latents active, the decoder and both weight gradients need k/d_sae of the dense
work. `embedding_bag` does it on any device, for the gradient of a matrix with the roles of tokens
and latents exchanged.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, final

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn.functional import embedding_bag


@final
@dataclass(frozen=True, eq=False)
class Active:
    """Which latents are active on which tokens: the entries of a sparse matrix, token by token."""

    latents: Int[Tensor, " n"]
    """Latent of each entry."""
    tokens: Int[Tensor, " n"]
    """Token of each entry, ascending."""
    offsets: Int[Tensor, " n_tokens"]
    """Where the entries of each token begin."""
    d_sae: int
    """Number of latents."""

    @cached_property
    def by_latent(self) -> tuple[Int[Tensor, " n"], Int[Tensor, " d_sae"]]:
        """The entries in order of their latents, and where those of each latent begin."""
        order = self.latents.argsort(stable=True)
        ends = torch.bincount(self.latents, minlength=self.d_sae).cumsum(0)
        return order, torch.cat([ends.new_zeros(1), ends[:-1]])

    @property
    def fired(self) -> Bool[Tensor, " d_sae"]:
        """Latents with an entry."""
        return torch.bincount(self.latents, minlength=self.d_sae) > 0


def same_number_each(latents: Int[Tensor, "n_tokens k"], d_sae: int) -> Active:
    """K active latents on every token."""
    n_tokens, k = latents.shape
    tokens = torch.arange(n_tokens, device=latents.device).repeat_interleave(k)
    offsets = torch.arange(0, n_tokens * k, k, device=latents.device)
    return Active(latents.flatten(), tokens, offsets, d_sae)


def where(mask: Bool[Tensor, "n_tokens d_sae"]) -> Active:
    """The entries that are true."""
    return from_flat(mask.flatten().nonzero().squeeze(1), mask.shape[0], mask.shape[1])


def from_flat(entries: Int[Tensor, " n"], n_tokens: int, d_sae: int) -> Active:
    """Entries given by token * d_sae + latent, ascending."""
    tokens = torch.div(entries, d_sae, rounding_mode="floor")
    ends = torch.bincount(tokens, minlength=n_tokens).cumsum(0)
    offsets = torch.cat([ends.new_zeros(1), ends[:-1]])
    return Active(entries - tokens * d_sae, tokens, offsets, d_sae)


def sparse_decode(
    values: Float[Tensor, " n"],
    active: Active,
    W_dec: Float[Tensor, "d_sae d_out"],
    *,
    dtype: torch.dtype = torch.float32,
) -> Float[Tensor, "n_tokens d_out"]:
    """The sum of each token's active decoder rows, weighted; differentiable in both.

    `dtype` is the format of what is multiplied, the sums and the result being float32.
    """
    decoded: Tensor = _SparseDecode.apply(values, W_dec, active, dtype)  # type: ignore[no-untyped-call]
    return decoded


def active_preactivations(
    x: Float[Tensor, "n_tokens d_in"],
    active: Active,
    values: Float[Tensor, " n"],
    weights: tuple[Float[Tensor, "d_sae d_in"], Float[Tensor, " d_sae"], Float[Tensor, " d_in"]],
    *,
    dtype: torch.dtype = torch.float32,
) -> Float[Tensor, " n"]:
    """`values` themselves, with the gradients of `W_enc @ (x - b_dec) + b_enc` at those entries.

    `weights` are W_enc, b_enc and b_dec. The values were computed in some faster way, over all
    latents, to find the active ones; `x` gets no gradient. `dtype` is the format of what is
    multiplied for the gradient of W_enc.
    """
    apply = _ActivePreactivations.apply
    kept: Tensor = apply(x, values, *weights, active, dtype)  # type: ignore[no-untyped-call]
    return kept


class _SparseDecode(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, values: Tensor, W_dec: Tensor, active: Active, dtype: torch.dtype
    ) -> Tensor:
        ctx.save_for_backward(values, W_dec)
        ctx.active, ctx.dtype = active, dtype
        return _bags(active.latents, active.offsets, values, W_dec, dtype)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None, None, None]:
        values, W_dec = ctx.saved_tensors
        by_entry = toward_W = None
        if ctx.needs_input_grad[0]:
            by_entry = _row_products(gradient.contiguous(), W_dec, ctx.active)
        if ctx.needs_input_grad[1]:
            toward_W = _transposed(values, ctx.active, gradient, ctx.dtype)
        return by_entry, toward_W, None, None


class _ActivePreactivations(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        values: Tensor,
        W_enc: Tensor,
        _b_enc: Tensor,
        b_dec: Tensor,
        active: Active,
        dtype: torch.dtype,
    ) -> Tensor:
        ctx.save_for_backward(x, W_enc, b_dec)
        ctx.active, ctx.dtype = active, dtype
        return values.clone()

    @staticmethod
    def backward(
        ctx: Any, gradient: Tensor
    ) -> tuple[None, None, Tensor, Tensor, Tensor | None, None, None]:
        x, W_enc, b_dec = ctx.saved_tensors
        by_latent = torch.zeros(len(W_enc), dtype=gradient.dtype, device=gradient.device)
        by_latent.index_add_(0, ctx.active.latents, gradient)
        toward_W = _transposed(gradient, ctx.active, x, ctx.dtype)
        toward_W.addr_(by_latent, b_dec, alpha=-1)
        toward_b_dec = -(by_latent @ W_enc) if ctx.needs_input_grad[4] else None
        return None, None, toward_W, by_latent, toward_b_dec, None, None


def _row_products(x: Tensor, W: Tensor, active: Active) -> Tensor:
    # x_t . W_j at the active (t, j): what autograd calls for the weights of an embedding bag.
    products: Tensor = torch.ops.aten._embedding_bag_per_sample_weights_backward(
        x, W, active.latents, active.offsets, active.tokens, 0
    )
    return products


def _transposed(values: Tensor, active: Active, x: Tensor, dtype: torch.dtype) -> Tensor:
    # The codes, transposed, times x: one bag of tokens per latent.
    order, starts = active.by_latent
    return _bags(active.tokens[order], starts, values[order], x.contiguous(), dtype)


def _bags(
    rows: Tensor, offsets: Tensor, values: Tensor, matrix: Tensor, dtype: torch.dtype
) -> Tensor:
    weights = values.to(dtype)
    bags = embedding_bag(rows, matrix.to(dtype), offsets, mode="sum", per_sample_weights=weights)
    return bags.float()
