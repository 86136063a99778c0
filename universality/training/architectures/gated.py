"""Gated: one path decides which latents fire, another how strongly (Rajamanoharan et al. 2024)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, final

import torch

from universality.activation_functions import Gated
from universality.dictionary import Dictionary
from universality.training.architectures.encoder import centred_weights, supported
from universality.training.architectures.interface import (
    Batch,
    L1Penalised,
    Parameters,
    Space,
    StepLoss,
    centred_dictionary,
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
class GatedRecipe(L1Penalised):
    """The penalty falls on the gate alone, so the magnitudes do not shrink.

    The gate has to reconstruct too, through a decoder held fixed.
    """

    name: ClassVar[str] = "gated"

    def start(self, space: Space, generator: torch.Generator) -> Parameters:
        """As of every architecture, both biases zero and both paths alike."""
        parameters = tied_start(space, generator)
        zeros = parameters.pop("b_enc")
        return parameters | {name: zeros.clone() for name in ("b_gate", "r_mag", "b_mag")}

    def loss(self, parameters: Parameters, batch: Batch) -> StepLoss:
        """Unexplained variance, the gate's penalty, and what the gate leaves unexplained."""
        weights, W_dec = centred_weights(parameters, bias="b_gate"), parameters["W_dec"]
        pre, support = supported(weights, batch, lambda pre: pre > 0)
        gate = support.pre.relu()
        factor = parameters["r_mag"].exp()
        shift = parameters["b_mag"] - factor * parameters["b_gate"]
        magnitude = torch.addcmul(
            support.of_latents(shift), support.of_latents(factor), support.pre
        ).relu()
        codes = magnitude * gate.detach().sign()
        b_dec = parameters["b_dec"].unsqueeze(-2)
        reconstruction = support.decode(codes, W_dec) + b_dec
        fvu = unexplained(reconstruction, batch)
        by_gate = unexplained(support.decode(gate, W_dec.detach()) + b_dec.detach(), batch)
        penalty = self.l1 * batch.penalty * support.per_token(gate) / batch.variance
        loss = with_dead(
            fvu + by_gate + penalty, weights, W_dec, batch, pre=pre,
            reconstruction=reconstruction, k=DEAD_LATENTS,
        )  # fmt: skip
        return step_loss(support, codes, loss=loss, fvu=fvu, reconstruction=reconstruction)

    def dictionary(self, parameters: Parameters) -> Dictionary:
        """The gated rule with these weights."""
        rule = Gated(parameters["b_gate"], parameters["r_mag"], parameters["b_mag"])
        return centred_dictionary(parameters, rule)
