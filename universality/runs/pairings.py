"""Matching the pairs of many runs, view by view, one pair at a time."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations, groupby

import numpy as np
from tqdm import tqdm

from universality.matching import assign
from universality.runs.matches import Link, MatchedRuns, stack
from universality.runs.pair import matching_choices
from universality.runs.policy import Policy
from universality.runs.run_set import RunSet
from universality.storage.kept import PairStore, kept


def match_runs(
    runs: RunSet, policy: Policy, *, store: PairStore | None = None
) -> dict[str, MatchedRuns]:
    """Certified assignments of all pairs of runs, by view.

    Pairs found in the store are not matched again; each that is matched is kept there at once.
    O(n_runs^2) assignments.
    """
    pairs = list(combinations(range(len(runs.names)), 2))
    links: dict[str, dict[tuple[int, int], Link]] = {view: {} for view in runs.view_names}
    work = [(pair, view) for pair in pairs for view in runs.view_names]
    for pair, view in tqdm(work, desc="matching pairs", unit="pair", disable=None):
        links[view][pair] = _link(runs, pair, view, policy, store)
    return {view: stack(runs.names, runs.alive, links[view]) for view in runs.view_names}


def groups(runs: RunSet) -> list[tuple[int, ...]]:
    """Numbers of the runs that share width and training step, the largest group first.

    Ties go to the wider, then to the later step. Runs alone in their group come last; where every
    run is alone, all are one group.
    """
    keys = [(run.d_sae, run.key.step or 0) for run in runs.dictionaries]
    ordered = sorted(range(len(keys)), key=lambda run: keys[run], reverse=True)
    found = [tuple(sorted(group)) for _, group in groupby(ordered, key=lambda run: keys[run])]
    if all(len(group) == 1 for group in found):
        return [tuple(range(len(keys)))]
    return sorted(found, key=len, reverse=True)


def _link(
    runs: RunSet, pair: tuple[int, int], view: str, policy: Policy, store: PairStore | None
) -> Link:
    a, b = (runs.parts[run] for run in pair)
    digests = (a.digests[view], b.digests[view])
    key = f"{view}/{matching_choices(policy)}/{'/'.join(digests)}"

    def find() -> Link:
        similarity = runs.view(view).between(a.traits, b.traits)
        matching = assign(similarity, time_limit=policy.time_limit, progress=False)
        return Link(
            a=a.numbers[matching.a],
            b=b.numbers[matching.b],
            similarity=matching.similarity,
            gap=matching.gap,
        )

    return kept_link(store, key, find)


def kept_link(store: PairStore | None, key: str, make: Callable[[], Link]) -> Link:
    """The assignment kept under a key, or made now and kept.

    Raises:
        OutputError: the folder cannot be written.
    """

    def arrays() -> dict[str, np.ndarray]:
        link = make()
        similarity, gap = np.asarray(link.similarity), np.asarray(link.gap)
        return {"a": link.a, "b": link.b, "similarity": similarity, "gap": gap}

    found = kept(store, key, arrays)
    return Link(found["a"], found["b"], found["similarity"], float(found["gap"]))
