"""JumpReLU: a threshold per latent, trained through its jump (Rajamanoharan et al. 2024)."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, ClassVar, final

import torch
from jaxtyping import Float
from torch import Tensor

from universality.activation_functions import JumpReLU
from universality.dictionary import Dictionary
from universality.errors import InvalidInputError
from universality.training.architectures.encoder import centred_weights, supported
from universality.training.architectures.interface import (
    Architecture,
    Batch,
    Parameters,
    Space,
    StepLoss,
    centred_dictionary,
    check_at_least_zero,
    tied_start,
)
from universality.training.architectures.losses import (
    DEAD_LATENTS,
    step_loss,
    unexplained,
    with_dead,
)


@final
@dataclass(frozen=True)
class JumpReLURecipe(Architecture):
    """Squared error and a penalty on the number of active latents.

    The thresholds get straight-through gradients.
    """

    name: ClassVar[str] = "jumprelu"
    betas: ClassVar[tuple[float, float]] = (0.0, 0.999)
    target_l0: float = 32.0
    """Active latents per token that the penalty asks for: l0 * (L0 / target - 1)^2 (the paper's
    appendix; dictionary_learning)."""
    l0: float | None = None
    """Weight of the penalty. None: 1 where there is a target. With `target_l0` 0 the plain form,
    this times L0 beside the squared error."""
    bandwidth: float = 0.2
    """Width of the kernel around a threshold within which pre-activations move it, in tokens of
    norm sqrt(d_in)."""
    first_threshold: float = 1.0
    """Where all thresholds start, in tokens of norm sqrt(d_in): one standard deviation of what a
    random direction reads, so that a sixth of the latents begin active. Adam moves a threshold by
    at most the learning rate a step: from near 0 a short run never comes down to its target."""

    def check(self, d_sae: int) -> None:
        """Nothing, when there is a penalty and it is a number.

        Raises:
            InvalidInputError: a value is negative, or neither a target nor a weight is given.
        """
        for name in ("target_l0", "bandwidth", "first_threshold"):
            check_at_least_zero(getattr(self, name), "--" + name.replace("_", "-"))
        check_at_least_zero(self.l0 or 0.0, "--l0")
        if self.bandwidth == 0:
            raise InvalidInputError("--bandwidth must be positive, got 0")
        if self.target_l0 > d_sae:
            raise InvalidInputError(f"--target-l0 {self.target_l0} exceeds the width {d_sae}")
        if self.target_l0 == 0 and self.l0 is None:
            raise InvalidInputError("--target-l0 0 needs the weight of the penalty, --l0")

    def start(self, space: Space, generator: torch.Generator) -> Parameters:
        """As of every architecture, and the thresholds."""
        parameters = tied_start(space, generator)
        threshold = torch.full((space.d_sae,), self.first_threshold, dtype=torch.float32)
        return parameters | {"threshold": threshold}

    def loss(self, parameters: Parameters, batch: Batch) -> StepLoss:
        """Fraction of variance unexplained plus the penalty on L0."""
        weights, W_dec = centred_weights(parameters), parameters["W_dec"]
        threshold, half = parameters["threshold"], self.bandwidth / 2
        lowest = threshold.detach().unsqueeze(-2) - half
        pre, support = supported(weights, batch, lambda pre: pre > lowest)
        codes, active = jump(support.pre, support.of_latents(threshold), self.bandwidth)
        reconstruction = support.decode(codes, W_dec) + parameters["b_dec"].unsqueeze(-2)
        fvu = unexplained(reconstruction, batch)
        l0 = support.per_token(active)
        loss = with_dead(
            fvu + batch.penalty * self._penalty(l0, batch.variance), weights, W_dec, batch,
            pre=pre, reconstruction=reconstruction, k=DEAD_LATENTS,
        )  # fmt: skip
        return step_loss(support, codes, loss=loss, fvu=fvu, reconstruction=reconstruction)

    def after_step(self, parameters: Parameters) -> None:
        """Decoder rows of norm 1, thresholds not below zero."""
        Architecture.after_step(self, parameters)
        parameters["threshold"].clamp_(min=0)

    def first_values(self, names: Iterable[str]) -> dict[str, float]:
        """Zero for the bias, and the first threshold."""
        return Architecture.first_values(self, names) | {"threshold": self.first_threshold}

    def dictionary(self, parameters: Parameters) -> Dictionary:
        """The JumpReLU rule with these weights."""
        return centred_dictionary(parameters, JumpReLU(parameters["threshold"]))

    def _penalty(self, l0: Tensor, variance: float) -> Tensor:
        if self.target_l0 == 0:
            assert self.l0 is not None
            return self.l0 * l0 / variance
        return (1.0 if self.l0 is None else self.l0) * (l0 / self.target_l0 - 1).square()


def jump(
    pre: Float[Tensor, "..."], threshold: Float[Tensor, "..."], bandwidth: float
) -> tuple[Float[Tensor, "..."], Float[Tensor, "..."]]:
    """What exceeds the threshold (which is at least 0), and 1 where it does; 0 elsewhere.

    The threshold may have one row for all tokens. Its gradients are -threshold / bandwidth through
    the first and -1 / bandwidth through the second, where max(pre, 0) lies in the kernel, a
    rectangle; the second gives none to `pre`.
    """
    found: tuple[Tensor, Tensor] = _Jump.apply(pre, threshold, bandwidth)  # type: ignore[no-untyped-call]
    return found


class _Jump(torch.autograd.Function):
    # Masks are numbers, not booleans: a product of numbers and booleans takes ten times as long.
    @staticmethod
    def forward(
        ctx: Any, pre: Tensor, threshold: Tensor, bandwidth: float
    ) -> tuple[Tensor, Tensor]:
        active = torch.gt(pre, threshold, out=torch.empty_like(pre))
        ctx.save_for_backward(pre, threshold, active)
        ctx.bandwidth = bandwidth
        return pre * active, active

    @staticmethod
    def backward(ctx: Any, by_code: Tensor, by_active: Tensor) -> tuple[Tensor, Tensor, None]:
        pre, threshold, active = ctx.saved_tensors
        half = ctx.bandwidth / 2
        lowest = torch.where(threshold < half, -math.inf, threshold - half)
        inside = torch.gt(pre, lowest, out=torch.empty_like(pre))
        inside.mul_(torch.lt(pre, threshold + half, out=torch.empty_like(pre)))
        toward = torch.addcmul(by_active, by_code, threshold).mul_(inside)
        toward = toward.sum_to_size(threshold.shape).mul_(-1 / ctx.bandwidth)
        return by_code * active, toward, None
