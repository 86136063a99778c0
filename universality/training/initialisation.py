"""The dictionary a run starts from, which is also the floor it is compared with."""

from __future__ import annotations

import torch

from universality.activation_functions import ReLU, TopK
from universality.dictionary import Dictionary
from universality.errors import InvalidInputError


def initialise(
    d_in: int, d_sae: int, *, architecture: str, k: int = 32, generator: torch.Generator
) -> Dictionary:
    """An untrained autoencoder: isotropic unit decoder rows, encoder equal to them, zero biases.

    `k` matters for `topk` only. Training starts from this and sets `b_dec` to the mean token.

    Raises:
        InvalidInputError: the architecture is neither `topk` nor `relu`, or k exceeds d_sae.
    """
    rule = activation_rule(architecture, k)
    if isinstance(rule, TopK) and k > d_sae:
        raise InvalidInputError(f"k={k} exceeds d_sae={d_sae}")
    rows = torch.randn(d_sae, d_in, generator=generator, dtype=torch.float32)
    W_dec = rows / rows.norm(dim=1, keepdim=True)
    return Dictionary(
        W_dec=W_dec,
        W_enc=W_dec.clone(),
        b_enc=torch.zeros(d_sae, dtype=torch.float32),
        b_dec=torch.zeros(d_in, dtype=torch.float32),
        activation_fn=rule,
        apply_b_dec_to_input=True,
    )


def activation_rule(architecture: str, k: int) -> TopK | ReLU:
    """The activation rule of an architecture that this package trains."""
    if architecture == "topk":
        return TopK(k)
    if architecture == "relu":
        return ReLU()
    raise InvalidInputError(f"architecture must be topk or relu, got {architecture!r}")
