"""Tokens made from a world of features."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor

from universality.synthetic.truth import Truth


@final
@dataclass(frozen=True, eq=False)
class Tokens:
    """Activations and the codes that made them."""

    x: Float[Tensor, "n_tokens d_in"]
    """What a model would show at its hook."""
    codes: Float[Tensor, "n_tokens n"]
    """Strength of each feature on each token, at least 0, mostly 0."""


def draw_tokens(
    truth: Truth, n_tokens: int, *, generator: torch.Generator, noise: float = 0.0
) -> Tokens:
    """Independent tokens: active features with half-normal strengths, summed, plus noise.

    `noise` is the standard deviation per dimension of Gaussian noise.
    """
    active = _active(truth, n_tokens, generator)
    strength = torch.randn(active.shape, generator=generator, dtype=torch.float32).abs()
    codes = torch.where(active, strength, 0.0)
    x = codes @ truth.dictionary.W_dec.float()
    return Tokens(
        x=x + noise * torch.randn(x.shape, generator=generator, dtype=torch.float32), codes=codes
    )


def _active(truth: Truth, n_tokens: int, generator: torch.Generator) -> Tensor:
    """Which features fire: Gaussian scores above the quantile of the frequency, and the parent."""
    n_groups = int(truth.group.max()) + 1
    shared = torch.randn(n_tokens, n_groups, generator=generator, dtype=torch.float32)[
        :, truth.group
    ]
    own = torch.randn(n_tokens, truth.group.numel(), generator=generator, dtype=torch.float32)
    score = truth.correlation**0.5 * shared + (1 - truth.correlation) ** 0.5 * own
    has_parent = truth.parent >= 0
    given = torch.where(has_parent, truth.frequency[truth.parent], 1.0)
    chance = (truth.frequency / given).clamp(max=1).double()
    active: Tensor = score > -torch.special.ndtri(chance).float()
    return active & (active[:, truth.parent] | ~has_parent)
