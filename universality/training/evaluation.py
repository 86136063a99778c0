"""How well a dictionary reconstructs tokens."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor

from universality.dictionary import Dictionary
from universality.errors import InvalidInputError


@final
@dataclass(frozen=True, eq=False)
class Evaluation:
    """Reconstruction and sparsity over some tokens."""

    n_tokens: int
    """Tokens seen."""
    fvu: float
    """Fraction of variance unexplained: squared error over squared distance from the mean token."""
    l0: float
    """Active latents per token."""
    frequency: Float[Tensor, " d_sae"]
    """Fraction of tokens on which each latent is active."""

    @property
    def dead_fraction(self) -> float:
        """Fraction of latents active on none of the tokens."""
        return float((self.frequency == 0).double().mean())


def evaluate(dictionary: Dictionary, batches: Iterable[Float[Tensor, "_ d_in"]]) -> Evaluation:
    """The dictionary's own rule on raw tokens, in float32; sums in float64.

    Raises:
        InvalidInputError: no tokens, or tokens that are all equal.
    """
    return evaluate_pairs(dictionary, ((x, x) for x in batches))


@torch.no_grad()
def evaluate_pairs(
    dictionary: Dictionary,
    pairs: Iterable[tuple[Float[Tensor, "_ d_in"], Float[Tensor, "_ d_out"]]],
) -> Evaluation:
    """As `evaluate`, of a transcoder: tokens to read, with those it should write.

    Raises:
        InvalidInputError: no tokens, or targets that are all equal.
    """
    n_tokens, error, square = 0, 0.0, 0.0
    total = torch.zeros(dictionary.d_out, dtype=torch.float64)
    counts = torch.zeros(dictionary.d_sae, dtype=torch.float64)
    for read, wanted in pairs:
        x, target = read.float(), wanted.float()
        codes = dictionary.encode(x)
        error += float((dictionary.decode(codes, x) - target).double().square().sum())
        square += float(target.double().square().sum())
        total += target.double().sum(dim=0)
        counts += (codes != 0).sum(dim=0)
        n_tokens += len(x)
    variance = square - float(total.square().sum()) / n_tokens if n_tokens else 0.0
    if not variance > 0:
        raise InvalidInputError("FVU needs at least two tokens that differ")
    return Evaluation(n_tokens, error / variance, float(counts.sum()) / n_tokens, counts / n_tokens)
