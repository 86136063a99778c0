"""Numbers that say how alike two runs are, computed the same way for real runs and null draws."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import final

import numpy as np
from jaxtyping import Bool, Float64

from universality.matching import Matching, Within
from universality.results.grades import ROUNDING
from universality.runs.view_match import ViewMatch

THRESHOLDS: tuple[float, ...] = tuple(round(0.01 * step, 2) for step in range(101))
"""The grid of every curve: 0.00, 0.01, ... 1.00."""


RULES = ("greedy_ab", "greedy_ba", "assignment")
"""Greedy from a, greedy from b, and the optimal one-to-one assignment."""


def curve_thresholds(threshold: float) -> list[float]:
    """The grid, with one more threshold where it is none of it."""
    return sorted({*THRESHOLDS, threshold})


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


def measure(matches: Mapping[str, ViewMatch], thresholds: Sequence[float]) -> Statistics:
    """All statistics of two runs from their matches by view.

    Denominators: n_a for `greedy_ab` and agreement, n_b for `greedy_ba`, min(n_a, n_b) for
    `assignment` and `decoder_and_encoder`.
    """
    averages: dict[tuple[str, str], float] = {}
    shares: dict[tuple[str, str], Float64[np.ndarray, " n_thresholds"]] = {}
    for view, match in matches.items():
        similarities = _similarities(match)
        for rule, values in similarities.items():
            averages[view, f"{rule}.mean"] = float(values.mean())
            shares[view, rule] = share_reaching(values, thresholds)
        n_mutual = int(match.of_a.mutual.sum())
        averages[view, "mutual.fraction_a"] = n_mutual / match.matching.n_a
        averages[view, "mutual.fraction_b"] = n_mutual / match.matching.n_b
    for first, second in combinations(matches, 2):
        same = same_partner(matches[first].matching, matches[second].matching)
        averages[f"{first}_{second}", "agreement"] = float(same.mean())
    if "decoder" in matches and "encoder" in matches:
        lower = _lower_similarity(matches["decoder"].matching, matches["encoder"].matching)
        shares["decoder_and_encoder", "assignment"] = share_reaching(lower, thresholds)
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


def _similarities(match: ViewMatch) -> dict[str, Float64[np.ndarray, " n"]]:
    values = (
        match.near_a.nearest_similarity,
        match.near_b.nearest_similarity,
        match.matching.similarity,
    )
    return dict(zip(RULES, values, strict=True))


def _lower_similarity(first: Matching, second: Matching) -> Float64[np.ndarray, " n_pairs"]:
    """The lower of the two similarities of each pair; -inf where the partners differ."""
    same = same_partner(first, second)[first.a]
    lower = np.full(first.a.size, -np.inf)
    other = np.full(first.n_a, -np.inf)
    other[second.a] = second.similarity
    lower[same] = np.minimum(first.similarity, other[first.a])[same]
    return lower
