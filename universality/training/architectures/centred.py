"""Autoencoders that subtract b_dec before they encode: how they start, and what they are."""

from __future__ import annotations

import torch

from universality.activation_functions import ActivationFunction
from universality.dictionary import Dictionary
from universality.training.architectures.interface import Parameters, Space
from universality.training.architectures.sphere import random_rows


def tied_start(space: Space, generator: torch.Generator) -> Parameters:
    """Isotropic unit decoder rows, an encoder equal to them (Gao et al. 2024), b_dec the centre."""
    W_dec = random_rows(space.d_sae, len(space.centre), generator)
    return {
        "W_enc": W_dec.clone(),
        "W_dec": W_dec,
        "b_enc": torch.zeros(space.d_sae, dtype=torch.float32),
        "b_dec": space.target_centre.clone(),
    }


def centred_dictionary(parameters: Parameters, rule: ActivationFunction) -> Dictionary:
    """These weights with that rule, sharing their memory."""
    return Dictionary(
        W_dec=parameters["W_dec"],
        W_enc=parameters["W_enc"],
        b_enc=parameters.get("b_enc"),
        b_dec=parameters["b_dec"],
        activation_fn=rule,
        apply_b_dec_to_input=True,
    )
