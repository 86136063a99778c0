"""What a dictionary does to a token before encoding it, and undoes after decoding."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TypeAlias, assert_never, final

import torch
from jaxtyping import Float
from torch import Tensor


@final
@dataclass(frozen=True, eq=False)
class NoNormalization:
    """Tokens enter as they are."""


@final
@dataclass(frozen=True, eq=False)
class LayerNorm:
    """(x - mean) / (std + eps) over the d_in entries of each token; y * std + mean after decoding.

    std is the unbiased one and eps is not undone, as in SAELens and OpenAI's sparse_autoencoder.
    """

    eps: float = 1e-5
    """Added to the standard deviation."""


@final
@dataclass(frozen=True, eq=False)
class ConstantNorm:
    """Each token rescaled to norm sqrt(d_in), undone after decoding.

    SAELens calls it `constant_norm_rescale`.
    """


@final
@dataclass(frozen=True, eq=False)
class Standardize:
    """(x - mean) * scale with fixed vectors, undone after decoding."""

    mean: Float[Tensor, " d_in"]
    """Subtracted from every token."""
    scale: Float[Tensor, " d_in"]
    """Multiplied after that, entry by entry; no entry is zero."""


InputNormalization: TypeAlias = NoNormalization | LayerNorm | ConstantNorm | Standardize


def normalize(
    rule: InputNormalization, x: Float[Tensor, "n_tokens d_in"]
) -> tuple[Float[Tensor, "n_tokens d_in"], Float[Tensor, "..."], Float[Tensor, "..."]]:
    """The normalised tokens, with the shift to add and the scale to divide by after decoding.

    Tokens of norm zero stay zero.
    """
    match rule:
        case NoNormalization():
            return x, x.new_zeros(()), x.new_ones(())
        case LayerNorm(eps):
            shift = x.mean(dim=-1, keepdim=True)
            centred = x - shift
            std = centred.std(dim=-1, keepdim=True)
            return centred / (std + eps), shift, 1 / std
        case ConstantNorm():
            norm = x.norm(dim=-1, keepdim=True).clamp_min(torch.finfo(x.dtype).tiny)
            scale = math.sqrt(x.shape[-1]) / norm
            return x * scale, x.new_zeros(()), scale
        case Standardize(mean, scale):
            shift, factor = mean.to(x), scale.to(x)
            return (x - shift) * factor, shift, factor
        case _:
            assert_never(rule)


def raw_scale(rule: InputNormalization, d_in: int) -> Float[Tensor, " d_in"] | None:
    """Per-dimension factor between raw and normalised tokens; None when every dimension shares it.

    Directions are compared in the raw space of the hook: decoder rows are divided by this factor
    and encoder rows multiplied by it.
    """
    if isinstance(rule, Standardize) and not torch.all(rule.scale == rule.scale[0]):
        return rule.scale.expand(d_in)
    return None


def describe_normalization(rule: InputNormalization) -> str:
    """A short name for tables and summaries."""
    match rule:
        case NoNormalization():
            return "none"
        case LayerNorm():
            return "layer_norm"
        case ConstantNorm():
            return "constant_norm_rescale"
        case Standardize():
            return "standardize"
        case _:
            assert_never(rule)
