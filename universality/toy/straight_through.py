"""The step and the jump at a threshold, with the gradients that JumpReLU is trained with.

Both are flat in the threshold almost everywhere; a rectangle kernel K(u) = 1[|u| < 1/2] of a width
eps estimates the derivative of their expectation (Rajamanoharan et al. 2024, 2407.14435):
d step / d theta = -K((z - theta) / eps) / eps and d jump / d theta = theta times that.
"""

from __future__ import annotations

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor


def step(
    z: Float[Tensor, "*batch d_sae"], threshold: Float[Tensor, "*latents d_sae"], width: float
) -> Float[Tensor, "*batch d_sae"]:
    """1 where z exceeds its threshold, else 0; no gradient reaches z."""
    found: Tensor = _Step.apply(  # type: ignore[no-untyped-call]
        z, threshold, width
    )
    return found


def jump(
    z: Float[Tensor, "*batch d_sae"], threshold: Float[Tensor, "*latents d_sae"], width: float
) -> Float[Tensor, "*batch d_sae"]:
    """The value z where it exceeds its threshold, else 0."""
    found: Tensor = _Jump.apply(  # type: ignore[no-untyped-call]
        z, threshold, width
    )
    return found


class _Step(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, z: Tensor, threshold: Tensor, width: float) -> Tensor:
        ctx.save_for_backward(z, threshold)
        ctx.width = width
        return (z > threshold).to(z)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[None, Tensor, None]:
        z, threshold = ctx.saved_tensors
        slope = -_kernel(z, threshold, ctx.width) * gradients[0]
        return None, slope.sum_to_size(threshold.shape), None


class _Jump(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, z: Tensor, threshold: Tensor, width: float) -> Tensor:
        ctx.save_for_backward(z, threshold)
        ctx.width = width
        return z * (z > threshold)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, None]:
        z, threshold = ctx.saved_tensors
        slope = -threshold * _kernel(z, threshold, ctx.width) * gradients[0]
        return gradients[0] * (z > threshold), slope.sum_to_size(threshold.shape), None


def _kernel(z: Tensor, threshold: Tensor, width: float) -> Tensor:
    return ((z - threshold).abs() < width / 2).to(z) / width
