"""What two different latents of one run reach, one to one: a floor beside the null in every view.

They share no feature by construction, yet fire on the same frequent or heavy tokens, and lie in the
same few directions. Training repels the latents of one run from each other, so in the views of
directions the floor is optimistic: unrelated latents of two runs may well be closer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, final

import numpy as np
from jaxtyping import Float64

from universality.compute.workers import side_by_side
from universality.matching import Neighbours, Within, match_within
from universality.matching.own_run import NEAR
from universality.runs.matched import matching_choices
from universality.runs.metrics import Statistics, measure_within
from universality.runs.part import RunPart
from universality.runs.policy import Policy
from universality.runs.run_set import RunSet
from universality.runs.view_match import Arrays, is_large, matching_arrays, matching_from
from universality.runs.views import Similarities
from universality.storage.kept import PairStore, kept

_RULE_WITHIN = {"greedy_ab": "greedy", "greedy_ba": "greedy", "assignment": "assignment"}


@final
@dataclass(frozen=True, eq=False)
class OwnRun:
    """A run matched with itself without identity."""

    within: Mapping[str, Within]
    """By view; no view for a run with one latent that takes part."""
    statistics: Statistics
    """What they say."""

    def share(self, view: str, rule: str) -> Float64[np.ndarray, " n_thresholds"] | None:
        """Share of the latents of the run that another of the run reaches, at each threshold.

        One to one for the rule `assignment`, by the nearest for the greedy ones.
        """
        return self.statistics.shares.get((view, _RULE_WITHIN[rule]))

    def near(self, view: str, n: int) -> Neighbours:
        """The nearest others of each of the n latents; unknown, one with number -1 and NaN."""
        own = self.within.get(view)
        if own is None:
            return Neighbours(np.full((n, 1), -1, dtype=np.int64), np.full((n, 1), np.nan))
        return own.near

    def summary(self, view: str) -> dict[str, Any] | None:
        """For the summary: means and, at each twentieth, the share one to one."""
        found, own = self.statistics, self.within.get(view)
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


def match_own_runs(
    runs: RunSet,
    policy: Policy,
    *,
    thresholds: Sequence[float],
    store: PairStore | None = None,
) -> tuple[OwnRun, ...]:
    """Each run matched with itself in every view; costs one assignment per run and view.

    What is found in the store is not matched again.
    """
    found = [_within(part, runs, policy, store) for part in runs.parts]
    return tuple(OwnRun(within, measure_within(within, thresholds)) for within in found)


def _within(
    run: RunPart, runs: RunSet, policy: Policy, store: PairStore | None
) -> dict[str, Within]:
    n, views = run.alive.n_alive, [view for view in runs.views if not view.directed]
    if n < 2 or not views:
        return {}
    found = Similarities(views, run.traits, run.traits)
    choices = matching_choices(policy)

    def match(view: str) -> Within:
        key = f"within/near {NEAR}/{view}/{choices}/{run.digests[view]}" if store else ""
        arrays = kept(store, key, partial(_matched, found, view, policy.time_limit))
        near = Neighbours(arrays["near"], arrays["near_similarity"])
        return Within(near, matching_from(arrays))

    firsts = {view: found.first_alike(view) for view in found}
    distinct = list(dict.fromkeys(firsts.values()))
    done = side_by_side(match, distinct, found.device, large=is_large(n, n))
    made = dict(zip(distinct, done, strict=True))
    return {view: made[first] for view, first in firsts.items()}


def _matched(found: Similarities, view: str, time_limit: float | None) -> Arrays:
    within = match_within(found[view], time_limit=time_limit)
    near = {"near": within.near.index, "near_similarity": within.near.similarity}
    return matching_arrays(within.matching) | near
