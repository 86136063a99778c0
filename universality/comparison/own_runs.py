"""What two different latents of one run reach, one to one: a floor beside the null in every view.

They share no feature by construction, yet fire on the same frequent or heavy tokens, and lie in the
same few directions. Training repels the latents of one run from each other, so in the views of
directions the floor is optimistic: unrelated latents of two runs may well be closer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, final

import numpy as np
from jaxtyping import Float64

from universality.compute.workers import side_by_side
from universality.matching import Within, match_within
from universality.runs.metrics import Statistics, measure_within
from universality.runs.pair import MatchedPair, is_large
from universality.runs.part import RunPart
from universality.runs.policy import Policy
from universality.runs.views import View, similarities
from universality.similarity import Similarity

Run: TypeAlias = Literal["a", "b"]

_RULE_WITHIN = {"greedy_ab": "greedy", "greedy_ba": "greedy", "assignment": "assignment"}


@final
@dataclass(frozen=True, eq=False)
class OwnRuns:
    """Both runs of a comparison, each matched with itself without identity."""

    within: Mapping[Run, Mapping[str, Within]]
    """By run and view; no view for a run with one latent that takes part."""
    statistics: Mapping[Run, Statistics]
    """What they say, by run."""

    def share(self, run: Run, view: str, rule: str) -> Float64[np.ndarray, " n_thresholds"] | None:
        """Share of the latents of a run that another of the run reaches, at each threshold.

        One to one for the rule `assignment`, by the nearest for the greedy ones.
        """
        return self.statistics[run].shares.get((view, _RULE_WITHIN[rule]))

    def nearest(self, run: Run, view: str, n: int) -> Float64[np.ndarray, " n"]:
        """Similarity of each of the n latents to the nearest other of its run; NaN if unknown."""
        own = self.within[run].get(view)
        return np.full(n, np.nan) if own is None else own.nearest_similarity

    def summary(self, view: str) -> dict[str, dict[str, Any] | None]:
        """For the summary, by run: means and, at each twentieth, the share one to one."""
        return {run: self._about(run, view) for run in self.within}

    def _about(self, run: Run, view: str) -> dict[str, Any] | None:
        found, own = self.statistics[run], self.within[run].get(view)
        if own is None:
            return None
        share = found.shares[view, "assignment"]
        return {
            "mean": found.averages[view, "assignment.mean"],
            "greedy_mean": found.averages[view, "greedy.mean"],
            "certified": bool(own.matching.certified),
            "shares": [
                {"threshold": threshold, "value": float(value)}
                for threshold, value in zip(found.thresholds, share, strict=True)
                if round(threshold * 100) % 5 == 0
            ],
        }


def match_own_runs(matched: MatchedPair, policy: Policy, *, thresholds: Sequence[float]) -> OwnRuns:
    """Both runs matched with themselves in every view; costs one assignment per run and view."""
    parts: dict[Run, RunPart] = {"a": matched.a, "b": matched.b}
    views = [view for view in matched.runs.views if not view.directed]
    within = {run: _within(part, views, policy.time_limit) for run, part in parts.items()}
    statistics = {run: measure_within(found, thresholds) for run, found in within.items()}
    return OwnRuns(within, statistics)


def _within(run: RunPart, views: Sequence[View], time_limit: float | None) -> dict[str, Within]:
    n = run.alive.n_alive
    if n < 2 or not views:
        return {}
    found = similarities(views, run.traits, run.traits)
    distinct = {id(one): one for one in found.values()}

    def match(similarity: Similarity) -> Within:
        return match_within(similarity, time_limit=time_limit)

    first = next(iter(found.values()))
    matched = side_by_side(match, list(distinct.values()), first.device, large=is_large(n, n))
    made = dict(zip(distinct, matched, strict=True))
    return {view: made[id(one)] for view, one in found.items()}
