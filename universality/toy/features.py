"""Sparse features whose truth is known: how often each is present, and which are tied together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor

from universality.errors import InvalidInputError


@final
@dataclass(frozen=True, eq=False)
class FeatureWorld:
    """What the features of a toy model are like, one world an instance.

    The first features are those of the correlated pairs, two by two; then those of the
    anticorrelated pairs; the rest are independent. A feature that is present has a value that is
    uniform in [0, 1).

    Raises:
        InvalidInputError: a probability outside [0, 1], above .5 for an anticorrelated feature,
            two probabilities in one pair, or more pairs than features.
    """

    probability: Float[Tensor, "n_inst n_features"]
    """How often each feature is present, by instance."""
    n_correlated_pairs: int = 0
    """Pairs of features that are present together, always."""
    n_anticorrelated_pairs: int = 0
    """Pairs of features that are never present together."""

    def __post_init__(self) -> None:
        p = self.probability
        if not bool(((p >= 0) & (p <= 1)).all()):
            raise InvalidInputError(
                "the probability of a feature must lie in [0, 1], "
                f"got {float(p.min()):g} to {float(p.max()):g}"
            )
        pairs = (self.n_correlated_pairs, self.n_anticorrelated_pairs)
        if min(pairs) < 0:
            raise InvalidInputError(f"numbers of pairs must not be negative, got {pairs}")
        if 2 * sum(pairs) > self.n_features:
            raise InvalidInputError(
                f"{sum(pairs)} pairs need {2 * sum(pairs)} features, there are {self.n_features}"
            )
        first, second = p[:, : 2 * sum(pairs) : 2], p[:, 1 : 2 * sum(pairs) : 2]
        if not torch.equal(first, second):
            raise InvalidInputError("the two features of a pair must have one probability")
        anti = p[:, 2 * pairs[0] : 2 * sum(pairs)]
        if bool((anti > 0.5).any()):
            raise InvalidInputError(
                "two features that are never present together can each be present half of the "
                f"time at most: their probability must be .5 or less, got {float(anti.max()):g}"
            )

    @property
    def n_inst(self) -> int:
        """Number of instances."""
        return self.probability.shape[0]

    @property
    def n_features(self) -> int:
        """Number of features of each instance."""
        return self.probability.shape[1]


def make_world(
    n_inst: int,
    n_features: int,
    *,
    probability: float | Sequence[float] | Float[Tensor, "n_inst n_features"] = 0.025,
    correlated_pairs: int = 0,
    anticorrelated_pairs: int = 0,
) -> FeatureWorld:
    """A world of features for every instance.

    Args:
        n_inst: Number of instances.
        n_features: Number of features.
        probability: How often a feature is present: one number, one for each instance, or a table
            `n_inst n_features`.
        correlated_pairs: Pairs that are present together.
        anticorrelated_pairs: Pairs that are never present together.

    Raises:
        InvalidInputError: as `FeatureWorld`, or a list that is not one number for each instance.
    """
    if n_inst < 1 or n_features < 1:
        raise InvalidInputError(
            f"a toy model needs an instance and a feature, got {n_inst} and {n_features}"
        )
    given = torch.as_tensor(probability, dtype=torch.float32)
    if given.ndim == 1:
        given = given[:, None]
    try:
        table = given.expand(n_inst, n_features)
    except RuntimeError as error:
        raise InvalidInputError(
            f"probabilities of shape {tuple(given.shape)} do not fit {n_inst} instances of "
            f"{n_features} features"
        ) from error
    return FeatureWorld(table.clone(), correlated_pairs, anticorrelated_pairs)


def sample_features(
    world: FeatureWorld,
    n: int,
    generators: Sequence[torch.Generator],
    *,
    dtype: torch.dtype = torch.float32,
) -> Float[Tensor, "n_inst n n_features"]:
    """Values of the features on n inputs of every instance, 0 where absent, else in [0, 1).

    `generators` is one source of chance for each instance, so that an instance sees the same
    inputs alone as in company.

    Raises:
        InvalidInputError: not one generator for each instance.
    """
    if len(generators) != world.n_inst:
        raise InvalidInputError(
            f"{world.n_inst} instances need as many generators, got {len(generators)}"
        )
    chance = torch.stack(
        [torch.rand(2, n, world.n_features, generator=g, dtype=dtype) for g in generators]
    )
    present = _presence(world, chance[:, 0])
    return torch.where(present, chance[:, 1], 0.0)


def _presence(world: FeatureWorld, draw: Tensor) -> Tensor:
    """Which features are present: pairs share the draw of their first feature."""
    p = world.probability[:, None, :].to(draw)
    present = draw < p
    tied = 2 * world.n_correlated_pairs
    apart = tied + 2 * world.n_anticorrelated_pairs
    present[..., 1:tied:2] = present[..., 0:tied:2]
    first, coin = draw[..., tied:apart:2], draw[..., tied + 1 : apart : 2]
    one_of_them = first < 2 * p[..., tied:apart:2]
    present[..., tied:apart:2] = one_of_them & (coin < 0.5)
    present[..., tied + 1 : apart : 2] = one_of_them & (coin >= 0.5)
    return present
