"""Two runs and how their latents match: what nulls, checks and tables all start from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
from jaxtyping import Int64

from universality.compute.devices import resolve_device
from universality.compute.workers import side_by_side
from universality.matching import Matching, assign, find_candidates
from universality.runs.matrix import check_size
from universality.runs.metrics import ViewMatch
from universality.runs.part import RunPart
from universality.runs.policy import Policy
from universality.runs.run_set import RunSet
from universality.runs.views import Traits, View, similarities
from universality.similarity import Similarity

_MOST_PAIRS_AT_ONCE = 8192**2


@final
@dataclass(frozen=True, eq=False)
class MatchedPair:
    """Two runs, what they are compared by, and the matches of each view."""

    runs: RunSet
    """The two."""
    similarities: Mapping[str, Similarity]
    """By view."""
    matches: Mapping[str, ViewMatch]
    """By view."""

    @property
    def a(self) -> RunPart:
        """The part of the first run that takes part."""
        return self.runs.parts[0]

    @property
    def b(self) -> RunPart:
        """That of the second."""
        return self.runs.parts[1]


def match_pair(runs: RunSet, policy: Policy) -> MatchedPair:
    """The latents of two runs that take part, matched in every view.

    Raises:
        InvalidInputError: the matrix that the policy asks for does not fit.
    """
    a, b = runs.parts
    if policy.matrix:
        check_size(a, b)
    found = similarities(runs.views, a.traits, b.traits)
    return MatchedPair(runs, found, match_views(found, time_limit=policy.time_limit))


def match_traits(views: Sequence[View], a: Traits, b: Traits) -> dict[str, ViewMatch]:
    """The latents of two runs, or of draws that stand for them, matched in every view."""
    return match_views(similarities(views, a, b))


def match_views(
    similarities: Mapping[str, Similarity], *, time_limit: float | None = None
) -> dict[str, ViewMatch]:
    """Nearest latents and optimal assignment in each view, one candidate pass for both.

    Small views are matched side by side, large ones in turn, since each takes its own memory.
    """

    def match_one(similarity: Similarity) -> ViewMatch:
        candidates = find_candidates(similarity)
        matching = assign(similarity, candidates=candidates, time_limit=time_limit)
        return ViewMatch(candidates=candidates, matching=matching)

    distinct = list({id(one): one for one in similarities.values()}.values())
    large = any(is_large(*one.shape) for one in distinct)
    matched = side_by_side(match_one, distinct, distinct[0].device, large=large)
    made = dict(zip(map(id, distinct), matched, strict=True))
    return {view: made[id(similarity)] for view, similarity in similarities.items()}


def matching_choices(policy: Policy) -> str:
    """The choices that the assignment of two runs depends on, for the key it is kept under."""
    device = resolve_device(policy.device)
    return f"{policy.absolute}/{policy.measure}/{policy.time_limit}/{device.type}"


def is_large(n_a: int, n_b: int) -> bool:
    """Whether matching runs of these widths takes so much memory that views go in turn."""
    return n_a * n_b > _MOST_PAIRS_AT_ONCE


def partner_numbers(a: RunPart, b: RunPart, matching: Matching) -> Int64[np.ndarray, " d_sae_a"]:
    """The partner of every latent of a, all in the latents' own numbers; -1 for none."""
    partner = matching.partner_of_a
    return a.column(np.where(partner >= 0, b.numbers[partner], -1))
