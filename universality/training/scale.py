"""From weights for scaled tokens to weights for raw ones."""

from __future__ import annotations

from dataclasses import replace

from torch import Tensor

from universality.activation_functions import ActivationFunction, Gated, JumpReLU
from universality.dictionary import Dictionary


def unscaled(dictionary: Dictionary, scale: float, target_scale: float) -> Dictionary:
    """The dictionary that does to raw tokens what this one does to scaled ones.

    Tokens times `scale` were read and tokens times `target_scale` written. Decoder rows stay as
    they are, so codes are in units of the raw output; every rule here commutes with such a factor.
    """
    ratio = scale / target_scale
    W_enc = dictionary.W_enc
    return replace(
        dictionary,
        W_enc=W_enc if W_enc is None or ratio == 1 else W_enc * ratio,
        b_enc=_over(dictionary.b_enc, target_scale),
        b_dec=_over(dictionary.b_dec, target_scale),
        activation_fn=_rule(dictionary.activation_fn, target_scale),
    )


def _rule(rule: ActivationFunction, scale: float) -> ActivationFunction:
    match rule:
        case JumpReLU(threshold):
            return JumpReLU(threshold / scale)
        case Gated(b_gate, r_mag, b_mag):
            return Gated(b_gate / scale, r_mag, b_mag / scale)
        case _:
            return rule


def _over(tensor: Tensor | None, scale: float) -> Tensor | None:
    return None if tensor is None else tensor / scale
