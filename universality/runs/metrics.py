"""Numbers that say how alike two runs are, computed the same way for real runs and null draws."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import final

import numpy as np
from jaxtyping import Bool, Float64

from universality.matching import Matching, Neighbours, Within
from universality.results.grades import ROUNDING
from universality.runs.view_match import ViewMatch

THRESHOLDS: tuple[float, ...] = tuple(round(0.01 * step, 2) for step in range(101))
"""The grid of every curve: 0.00, 0.01, ... 1.00."""

RULES = ("greedy_ab", "greedy_ba", "assignment")
"""Greedy from a, greedy from b, and the optimal one-to-one assignment."""


@final
@dataclass(frozen=True, eq=False)
class Statistics:
    """What `measure` finds: averages by view, and shares along the grid of thresholds."""

    thresholds: tuple[float, ...]
    """Ascending."""
    averages: Mapping[tuple[str, str], float]
    """By (view, statistic): `<rule>.mean`, `mutual.fraction_a`, `mutual.fraction_b`; under the
    pseudo-view `<view>_<view>`, `agreement`: the fraction of latents of a whose partners in both
    views exist and are the same."""
    shares: Mapping[tuple[str, str], Float64[np.ndarray, " n_thresholds"]]
    """By (view, rule): the fraction of latents (pairs) whose similarity reaches each threshold;
    under the pseudo-view `decoder_and_encoder`, of pairs that both assignments contain and that
    reach it in both views."""


@final
@dataclass(frozen=True, eq=False)
class Nearest:
    """The nearest latents of two runs in one view, without an assignment."""

    of_a: Neighbours
    """For each latent of a, the nearest of b."""
    of_b: Neighbours
    """For each latent of b, the nearest of a."""

    @property
    def n_mutual(self) -> int:
        """How many pairs of latents are each other's nearest."""
        back = self.of_b.nearest[self.of_a.nearest]
        return int((back == np.arange(back.size)).sum())


def measure(matches: Mapping[str, ViewMatch], thresholds: Sequence[float]) -> Statistics:
    """All statistics of two runs from their matches by view.

    Denominators: n_a for `greedy_ab` and agreement, n_b for `greedy_ba`, min(n_a, n_b) for
    `assignment` and `decoder_and_encoder`.
    """
    averages: dict[tuple[str, str], float] = {}
    shares: dict[tuple[str, str], Float64[np.ndarray, " n_thresholds"]] = {}
    for view, match in matches.items():
        near = measure_nearest({view: Nearest(match.near_a, match.near_b)}, thresholds)
        averages |= near.averages
        shares |= near.shares
        averages[view, f"{RULES[2]}.mean"] = float(match.matching.similarity.mean())
        shares[view, RULES[2]] = share_reaching(match.matching.similarity, thresholds)
    for first, second in combinations(matches, 2):
        same = same_partner(matches[first].matching, matches[second].matching)
        averages[f"{first}_{second}", "agreement"] = float(same.mean())
    if "decoder" in matches and "encoder" in matches:
        lower = _lower_similarity(matches["decoder"].matching, matches["encoder"].matching)
        shares["decoder_and_encoder", "assignment"] = share_reaching(lower, thresholds)
    return Statistics(thresholds=tuple(thresholds), averages=averages, shares=shares)


def measure_nearest(nearest: Mapping[str, Nearest], thresholds: Sequence[float]) -> Statistics:
    """Those statistics that need no assignment."""
    averages: dict[tuple[str, str], float] = {}
    shares: dict[tuple[str, str], Float64[np.ndarray, " n_thresholds"]] = {}
    for view, near in nearest.items():
        for rule, side in zip(RULES, (near.of_a, near.of_b), strict=False):
            averages[view, f"{rule}.mean"] = float(side.nearest_similarity.mean())
            shares[view, rule] = share_reaching(side.nearest_similarity, thresholds)
        averages[view, "mutual.fraction_a"] = near.n_mutual / near.of_a.nearest.size
        averages[view, "mutual.fraction_b"] = near.n_mutual / near.of_b.nearest.size
    return Statistics(thresholds=tuple(thresholds), averages=averages, shares=shares)


def measure_within(within: Mapping[str, Within], thresholds: Sequence[float]) -> Statistics:
    """The same of one run matched with itself by view: `greedy` for the nearest, `assignment`."""
    averages: dict[tuple[str, str], float] = {}
    shares: dict[tuple[str, str], Float64[np.ndarray, " n_thresholds"]] = {}
    for view, own in within.items():
        for rule, values in (
            ("greedy", own.nearest_similarity),
            ("assignment", own.matching.similarity),
        ):
            averages[view, f"{rule}.mean"] = float(values.mean())
            shares[view, rule] = share_reaching(values, thresholds)
    if "decoder" in within and "encoder" in within:
        lower = _lower_similarity(within["decoder"].matching, within["encoder"].matching)
        shares["decoder_and_encoder", "assignment"] = share_reaching(lower, thresholds)
    return Statistics(thresholds=tuple(thresholds), averages=averages, shares=shares)


def share_reaching(
    similarity: Float64[np.ndarray, " n"], thresholds: Sequence[float]
) -> Float64[np.ndarray, " n_thresholds"]:
    """Fraction of the similarities that are at least each threshold (to 1e-9)."""
    ordered = np.sort(similarity)
    below = np.searchsorted(ordered, np.asarray(thresholds) - ROUNDING, side="left")
    return (ordered.size - below) / ordered.size


def same_partner(first: Matching, second: Matching) -> Bool[np.ndarray, " n_a"]:
    """For each latent of a, whether both assignments give it a partner, and the same one."""
    partner = first.partner_of_a
    return np.asarray((partner >= 0) & (partner == second.partner_of_a))


def _lower_similarity(first: Matching, second: Matching) -> Float64[np.ndarray, " n_pairs"]:
    """The lower of the two similarities of each pair; -inf where the partners differ."""
    same = same_partner(first, second)[first.a]
    lower = np.full(first.a.size, -np.inf)
    other = np.full(first.n_a, -np.inf)
    other[second.a] = second.similarity
    lower[same] = np.minimum(first.similarity, other[first.a])[same]
    return lower
