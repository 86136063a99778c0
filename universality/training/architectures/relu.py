"""ReLU with an L1 penalty on the codes, its encoder free (Bricken et al. 2023) or tied."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, final

import torch

from universality.activation_functions import ReLU
from universality.dictionary import Dictionary
from universality.training.architectures.encoder import Weights, centred_weights, supported
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
class ReLURecipe(L1Penalised):
    """Squared error plus l1 times the sum of the codes, decoder rows of norm 1."""

    name: ClassVar[str] = "relu"

    def loss(self, parameters: Parameters, batch: Batch) -> StepLoss:
        """Fraction of variance unexplained plus the penalty in the same unit."""
        return l1_loss(centred_weights(parameters), parameters, batch, self.l1)

    def dictionary(self, parameters: Parameters) -> Dictionary:
        """The ReLU rule with these weights."""
        return centred_dictionary(parameters, ReLU())


@final
@dataclass(frozen=True)
class TiedReLURecipe(L1Penalised):
    """As ReLU, with one matrix for both (Cunningham et al. 2023): it reads what it writes."""

    name: ClassVar[str] = "relu_tied"

    def start(self, space: Space, generator: torch.Generator) -> Parameters:
        """As of every architecture, without an encoder."""
        parameters = tied_start(space, generator)
        del parameters["W_enc"]
        return parameters

    def loss(self, parameters: Parameters, batch: Batch) -> StepLoss:
        """Fraction of variance unexplained plus the penalty in the same unit."""
        weights = parameters["W_dec"], parameters["b_enc"], parameters["b_dec"]
        return l1_loss(weights, parameters, batch, self.l1)

    def dictionary(self, parameters: Parameters) -> Dictionary:
        """The ReLU rule with the decoder's rows on both sides."""
        return centred_dictionary(parameters | {"W_enc": parameters["W_dec"]}, ReLU())


def l1_loss(weights: Weights, parameters: Parameters, batch: Batch, l1: float) -> StepLoss:
    """Fraction of variance unexplained by the positive pre-activations, plus l1 times their sum."""
    pre, support = supported(weights, batch, lambda pre: pre > 0)
    codes = support.pre.relu()
    W_dec = parameters["W_dec"]
    reconstruction = support.decode(codes, W_dec) + parameters["b_dec"].unsqueeze(-2)
    fvu = unexplained(reconstruction, batch)
    loss = fvu + l1 * batch.penalty * support.per_token(codes) / batch.variance
    loss = with_dead(
        loss, weights, W_dec, batch, pre=pre, reconstruction=reconstruction, k=DEAD_LATENTS
    )
    return step_loss(support, codes, loss=loss, fvu=fvu, reconstruction=reconstruction)
