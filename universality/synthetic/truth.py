"""A world of features: directions, how often each fires, and which fire together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from universality.dictionary import Dictionary, Firing, Source
from universality.errors import InvalidInputError
from universality.synthetic.directions import make_directions

_MOST_FREQUENT = 0.5


@final
@dataclass(frozen=True, eq=False)
class Truth:
    """Features from which tokens are made; more features than dimensions means superposition."""

    dictionary: Dictionary
    """The features as a bare decoder, with their true firing frequencies."""
    parent: Int64[Tensor, " n"]
    """The feature without which this one never fires; -1 for none. Parents have no parents."""
    group: Int64[Tensor, " n"]
    """Features of one group tend to fire on the same tokens."""
    correlation: float
    """Correlation, within a group, of the Gaussian scores whose excess makes a feature fire."""

    @property
    def frequency(self) -> Float[Tensor, " n"]:
        """Fraction of tokens on which each feature fires, descending."""
        assert self.dictionary.firing is not None
        return self.dictionary.firing.frequency


def make_truth(
    n: int,
    d: int,
    *,
    generator: torch.Generator,
    mean_l0: float = 8.0,
    zipf: float = 1.0,
    hierarchy: float = 0.0,
    correlation: float = 0.0,
    group_size: int = 8,
    W_dec: Float[Tensor, "n d"] | None = None,
) -> Truth:
    """A world of n features in d dimensions, isotropic unless their directions are given.

    Args:
        n: Number of features.
        d: Dimensions of a token.
        generator: Source of chance.
        mean_l0: Features per token, on average.
        zipf: Frequency falls as rank to minus this power (and is at most one half).
        hierarchy: Fraction of features that fire only where a more frequent parent fires.
        correlation: Correlation of the firing scores within a group, in [0, 1).
        group_size: Features per group, consecutive in rank.
        W_dec: Directions to use.

    Raises:
        InvalidInputError: more features per token than half of all.
    """
    if not 0 < mean_l0 < _MOST_FREQUENT * n:
        raise InvalidInputError(f"mean_l0 must lie between 0 and n/2={n / 2:g}, got {mean_l0}")
    rows = make_directions(n, d, generator=generator) if W_dec is None else W_dec
    return Truth(
        dictionary=Dictionary(
            W_dec=rows,
            firing=Firing(_zipf(n, mean_l0, zipf), "true frequency"),
            source=Source(spec="synthetic", name="truth", format="memory"),
        ),
        parent=_parents(n, hierarchy, generator),
        group=torch.arange(n) // group_size,
        correlation=correlation,
    )


def _zipf(n: int, total: float, power: float) -> Tensor:
    """Frequencies that fall with rank, at most one half, summing to the total."""
    shape = torch.arange(1.0, n + 1, dtype=torch.float64) ** -power
    low, high = 0.0, total / float(shape[-1])
    for _ in range(100):
        middle = (low + high) / 2
        if float((middle * shape).clamp(max=_MOST_FREQUENT).sum()) < total:
            low = middle
        else:
            high = middle
    return (high * shape).clamp(max=_MOST_FREQUENT).float()


def _parents(n: int, hierarchy: float, generator: torch.Generator) -> Tensor:
    """Children spread at random over the ranks, each with a parentless parent of lower rank."""
    child = torch.rand(n, generator=generator, dtype=torch.float32) < hierarchy
    child[0] = False
    roots = (~child).nonzero()[:, 0]
    before = torch.searchsorted(roots, torch.arange(n))
    pick = (torch.rand(n, generator=generator, dtype=torch.float32) * before).long()
    return torch.where(child, roots[pick], -1)
