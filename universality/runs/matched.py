"""Runs and how they match, two or more: what nulls, floors, checks and tables all start from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from itertools import combinations
from typing import Literal, assert_never, final

import numpy as np
import torch
from jaxtyping import Float64, Int64

from universality.compute.devices import resolve_device
from universality.compute.stages import counted
from universality.matching import Matching
from universality.runs.matrix import check_size
from universality.runs.part import RunPart, array_digest
from universality.runs.partner_table import Link, PartnerTable, stack
from universality.runs.policy import Policy
from universality.runs.run_set import RunSet
from universality.runs.view_match import Arrays, ViewMatch, match_views
from universality.runs.views import Similarities
from universality.storage.kept import PairStore, kept


@final
@dataclass(frozen=True, eq=False)
class MatchedPair:
    """Two runs, what they are compared by, and the matches of each view."""

    runs: RunSet
    """The two."""
    similarities: Similarities
    """By view."""
    matches: Mapping[str, ViewMatch]
    """By view."""
    across: Mapping[tuple[str, str], Float64[np.ndarray, " _"]]
    """By view and other view, what the other says of each pair that the view assigned."""

    @property
    def a(self) -> RunPart:
        """The part of the first run that takes part."""
        return self.runs.parts[0]

    @property
    def b(self) -> RunPart:
        """That of the second."""
        return self.runs.parts[1]

    def sides(self, first: Literal["a", "b"]) -> tuple[RunPart, RunPart]:
        """One of the two runs, and the other."""
        match first:
            case "a":
                return self.a, self.b
            case "b":
                return self.b, self.a
            case _:
                assert_never(first)

    @property
    def partners(self) -> dict[str, Int64[np.ndarray, " d_sae_a"]]:
        """By view, the partner of every latent of a in the latents' own numbers; -1 for none."""
        return {
            view: partner_numbers(self.a, self.b, match.matching)
            for view, match in self.matches.items()
        }

    def digest(self, policy: Policy) -> str:
        """Hash of all that was matched, and of how."""
        tokens = [] if self.runs.table is None else [array_digest(self.runs.table.documents)]
        parts = [part.digests[view] for part in self.runs.parts for view in self.matches]
        return "/".join([matching_choices(policy), *self.matches, *parts, *tokens])

    def link(self, view: str) -> Link:
        """The assignment of a view, in the latents' own numbers."""
        found, a, b = self.matches[view].matching, self.a.numbers, self.b.numbers
        return Link(a[found.a], b[found.b], found.similarity, found.gap)


@final
@dataclass(frozen=True, eq=False)
class MatchedRuns:
    """Runs, and how each two of them match."""

    runs: RunSet
    """Two or more."""
    pairs: Mapping[tuple[int, int], MatchedPair]
    """By the numbers of two runs, the lower first."""

    def table(self, view: str) -> PartnerTable:
        """Who is whose partner in every run, by one view."""
        links = {numbers: pair.link(view) for numbers, pair in self.pairs.items()}
        return stack(self.runs.names, self.runs.alive, links)


def match_runs(runs: RunSet, policy: Policy, *, store: PairStore | None = None) -> MatchedRuns:
    """The latents of every two of the runs that take part, matched in every view.

    What is found in the store is not matched again; what is matched is kept there at once. The
    similarities of two runs stay at hand, those of more are made anew where they are asked for.
    O(n_runs^2) assignments.

    Raises:
        InvalidInputError: the matrix that the policy asks for does not fit.
    """
    numbers = list(combinations(range(len(runs.parts)), 2))
    if len(numbers) == 1:
        return MatchedRuns(runs, {numbers[0]: _match_pair(runs, policy, store, progress=True)})
    bar = counted(numbers, "pairs of runs")
    return MatchedRuns(runs, {two: _matched_at_rest(runs.among(two), policy, store) for two in bar})


def partner_numbers(a: RunPart, b: RunPart, matching: Matching) -> Int64[np.ndarray, " d_sae_a"]:
    """The partner of every latent of a, all in the latents' own numbers; -1 for none."""
    partner = matching.partner_of_a
    return a.column(np.where(partner >= 0, b.numbers[partner], -1))


def matching_choices(policy: Policy) -> str:
    """The choices that the assignment of two runs depends on, for the key it is kept under."""
    device = resolve_device(policy.device)
    return f"{policy.absolute}/{policy.measure}/{policy.time_limit}/{device.type}"


def _matched_at_rest(runs: RunSet, policy: Policy, store: PairStore | None) -> MatchedPair:
    pair = _match_pair(runs, policy, store, progress=False)
    return replace(pair, similarities=_between(runs))


def _match_pair(
    runs: RunSet, policy: Policy, store: PairStore | None, *, progress: bool
) -> MatchedPair:
    a, b = runs.parts
    if policy.matrix:
        check_size(a, b)
    found = _between(runs)
    choices = matching_choices(policy)

    def keep(views: str, make: Callable[[], Arrays]) -> Arrays:
        if store is None:
            return make()
        digests = [part.digests[view] for view in views.split("/") for part in (a, b)]
        return kept(store, "/".join(["match", views, choices, *digests]), make)

    matches = match_views(found, time_limit=policy.time_limit, progress=progress, keep=keep)
    across = {
        (view, other): match.matching.similarity
        if view == other
        else keep(f"{view}/{other}", partial(_looked_at, found, other, match))["value"]
        for view, match in matches.items()
        for other in matches
    }
    return MatchedPair(runs, found, matches, across)


def _looked_at(found: Similarities, view: str, match: ViewMatch) -> Arrays:
    """What a view says of pairs that a match assigned."""
    ends = (torch.from_numpy(ends) for ends in (match.matching.a, match.matching.b))
    similarity = found[view]
    at = similarity.at(*(latents.to(similarity.device) for latents in ends))
    return {"value": at.cpu().numpy()}


def _between(runs: RunSet) -> Similarities:
    a, b = runs.parts
    return Similarities(runs.views, a.traits, b.traits)
