"""ReLU with an L1 penalty on the codes (Cunningham et al. 2023, Bricken et al. 2023)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, final

import torch

from universality.activation_functions import ReLU
from universality.dictionary import Dictionary
from universality.errors import InvalidInputError
from universality.training.architectures.centred import centred_dictionary, tied_start
from universality.training.architectures.encoder import dead_loss, preactivations
from universality.training.architectures.interface import Batch, Parameters, Space, StepLoss
from universality.training.architectures.sphere import project_gradient, renormalise

_DEAD_LATENTS = 64


@final
@dataclass(frozen=True)
class ReLURecipe:
    """Squared error plus l1 times the sum of the codes, decoder rows of norm 1."""

    name: ClassVar[str] = "relu"
    """As `--architecture` spells it."""
    l1: float = 5.0
    """Weight of the sum of codes beside the squared error; tokens have norm sqrt(d_in)
    (Anthropic's April 2024 update: 5, at this scale)."""

    def check(self, d_sae: int) -> None:
        """Nothing, when the penalty is none that rewards firing.

        Raises:
            InvalidInputError: l1 is negative or no number.
        """
        if not 0 <= self.l1 < float("inf"):
            raise InvalidInputError(f"--l1 must not be negative, got {self.l1}")

    def start(self, space: Space, generator: torch.Generator) -> Parameters:
        """Isotropic unit decoder rows, the encoder equal to them, b_dec the centre."""
        return tied_start(space, generator)

    def loss(self, parameters: Parameters, batch: Batch) -> StepLoss:
        """Fraction of variance unexplained plus the penalty in the same unit."""
        pre = preactivations(parameters, batch)
        codes = pre.float().relu()
        decoded = (codes.to(batch.dtype) @ parameters["W_dec"].to(batch.dtype)).float()
        error = batch.target - decoded - parameters["b_dec"].unsqueeze(-2)
        fvu = error.square().sum(dim=-1).mean(dim=-1) / batch.variance
        penalty = self.l1 * batch.penalty * codes.sum(dim=-1).mean(dim=-1) / batch.variance
        loss = (fvu + penalty).sum()
        if batch.dead_weight > 0 and pre.ndim == 2 and bool(batch.dead.any()):
            toward = dead_loss(parameters, batch, pre, error, _DEAD_LATENTS)
            loss = loss + batch.dead_weight * toward
        active = codes.detach() > 0
        l0 = active.sum(dim=(-2, -1)) / batch.x.shape[-2]
        return StepLoss(loss, fvu.detach(), active.any(dim=-2), l0)

    def before_step(self, parameters: Parameters) -> None:
        """Project the decoder's gradient."""
        project_gradient(parameters["W_dec"])

    def after_step(self, parameters: Parameters) -> None:
        """Decoder rows of norm 1."""
        renormalise(parameters["W_dec"])

    def dictionary(self, parameters: Parameters) -> Dictionary:
        """The ReLU rule with these weights."""
        return centred_dictionary(parameters, ReLU())
