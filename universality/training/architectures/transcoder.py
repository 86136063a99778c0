"""Transcoder: reads one place of the model and writes another (Dunefsky et al. 2024)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, final

import torch

from universality.activation_functions import ReLU
from universality.dictionary import Dictionary
from universality.training.architectures.interface import (
    Batch,
    L1Penalised,
    Parameters,
    Space,
    StepLoss,
)
from universality.training.architectures.relu import l1_loss
from universality.training.architectures.sphere import random_rows


@final
@dataclass(frozen=True)
class TranscoderRecipe(L1Penalised):
    """ReLU with an L1 penalty between two hooks, decoder rows of norm 1.

    The centre of what it reads is constant, and becomes part of the encoder's bias.
    """

    name: ClassVar[str] = "transcoder"
    frozen: ClassVar[frozenset[str]] = frozenset({"centre"})

    def start(self, space: Space, generator: torch.Generator) -> Parameters:
        """Isotropic unit rows, independent on both sides; b_dec the centre of what is written."""
        W_dec = random_rows(space.d_sae, len(space.target_centre), generator)
        return {
            "W_enc": random_rows(space.d_sae, len(space.centre), generator),
            "W_dec": W_dec,
            "b_enc": torch.zeros(space.d_sae, dtype=torch.float32),
            "b_dec": space.target_centre.clone(),
            "centre": space.centre.clone(),
        }

    def loss(self, parameters: Parameters, batch: Batch) -> StepLoss:
        """Fraction of the target's variance unexplained, plus the penalty in the same unit."""
        weights = parameters["W_enc"], parameters["b_enc"], parameters["centre"]
        return l1_loss(weights, parameters, batch, self.l1)

    def dictionary(self, parameters: Parameters) -> Dictionary:
        """The ReLU rule, the centre folded into the encoder's bias."""
        W_enc = parameters["W_enc"]
        return Dictionary(
            W_dec=parameters["W_dec"],
            W_enc=W_enc,
            b_enc=parameters["b_enc"] - W_enc @ parameters["centre"],
            b_dec=parameters["b_dec"],
            activation_fn=ReLU(),
        )
