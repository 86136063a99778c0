"""How surprising groups of latents are: matched and grouped anew in unrelated runs.

Groups are chosen by search among very many blocks, so each is held to the best group of each draw:
the p-value of a group is the share of draws whose best group scores as high, the observed pair
counted as one. Of the best group it is exact where the null is, of the others safe, and it holds
for all groups at once. A group above chance is not yet the same content: `Group.cosine` says how
near the spans are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np
import torch
from jaxtyping import Float, Float64
from torch import Tensor

from universality.compute.stages import counted
from universality.matching import match
from universality.matching.block_growth import Pairs
from universality.matching.groups import Group, find_groups
from universality.nulls.null import find_null


@final
@dataclass(frozen=True, eq=False)
class GroupsBesideChance:
    """The groups of two runs, beside the best of each draw of unrelated runs."""

    groups: tuple[Group, ...]
    """The most surprising first; no latent is in two."""
    best_of_draws: Float64[np.ndarray, " n_draws"]
    """Score of the best group of each draw; minus infinity where there is none."""
    agreeing_in_draws: float
    """Mean number of groups in a draw whose spans agree to the threshold."""
    threshold: float
    """From which cosine spans agree, and two latents are the same."""

    @property
    def p(self) -> Float64[np.ndarray, " n_groups"]:
        """P-value of each group; none is below 1 / (1 + draws)."""
        scores = np.array([group.score for group in self.groups])
        reached = (self.best_of_draws >= scores[:, None]).sum(axis=1)
        return np.asarray((1 + reached) / (1 + len(self.best_of_draws)))

    def found(self, level: float = 0.05) -> list[Group]:
        """Groups above chance whose spans agree: every direction of the smaller to the threshold.

        Of the latents, those lie in the other run's group whose own reach is at the threshold.
        """
        return [
            group
            for group, p in zip(self.groups, self.p, strict=True)
            if p <= level and group.cosine >= self.threshold
        ]


def groups_beside_chance(
    a: Float[Tensor, "n_a d"],
    b: Float[Tensor, "n_b d"],
    *,
    threshold: float = 0.7,
    null: str = "geometry",
    n_draws: int = 19,
    seed: int = 0,
    absolute: bool = False,
    progress: bool = False,
) -> GroupsBesideChance:
    """Groups of latents of two runs, each with a p-value from re-matched, re-grouped draws.

    Each draw is a whole search. With fewer than 19 draws no group can be at .05.

    Args:
        a: Directions of one run.
        b: Directions of the other, of the same width.
        threshold: Cosine from which two assigned latents are the same, and spans agree.
        null: Name of the null that draws the unrelated runs.
        n_draws: How often.
        seed: Of the draws.
        absolute: Whether two latents of opposite sign are the same, too; spans have no signs.
        progress: Show a bar on stderr when that is a terminal.

    Raises:
        InvalidInputError: there is no such null.
    """
    drawing, generator = find_null(null), torch.Generator().manual_seed(seed)
    observed = find_groups(a, b, same_pairs(a, b, threshold, absolute=absolute))
    best, agreeing = [], []
    numbers = range(n_draws)
    for _ in counted(numbers, "draws of groups") if progress else numbers:
        one, other = drawing.draw({"rows": a}, {"rows": b}, generator=generator)
        x, y = one["rows"], other["rows"]
        groups = find_groups(x, y, same_pairs(x, y, threshold, absolute=absolute))
        best.append(groups[0].score if groups else -np.inf)
        agreeing.append(sum(group.cosine >= threshold for group in groups))
    return GroupsBesideChance(
        tuple(observed), np.array(best, dtype=np.float64), float(np.mean(agreeing)), threshold
    )


def same_pairs(
    a: Float[Tensor, "n_a d"],
    b: Float[Tensor, "n_b d"],
    threshold: float,
    *,
    absolute: bool = False,
) -> Pairs:
    """The assigned pairs that count as the same latent: cosine at the threshold or above."""
    matching = match(a, b, absolute=absolute, progress=False)
    reached = matching.similarity >= threshold
    return matching.a[reached], matching.b[reached]
