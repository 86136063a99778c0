"""Which runs of a group depend on an earlier one, and what the headline would be with them.

Runs that share their start, or are one run under two names, are no independent witnesses: of those
that depend on each other the first named stays, and the headline is of the runs that are left.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, final

import numpy as np
import pandas as pd
from jaxtyping import Bool

from universality.checks.check import Check
from universality.checks.seeds import check_shared_initialisation
from universality.checks.weights import check_same_weights
from universality.naming import same_model
from universality.recurrence.families.family_rules import find_rules
from universality.recurrence.families.partition import in_all_runs_fraction, strict_part
from universality.recurrence.members import members_of
from universality.recurrence.study_tables import run_pair_table
from universality.runs.matched import MatchedPair, MatchedRuns
from universality.runs.partner_table import among
from universality.runs.policy import Policy
from universality.runs.run_set import RunSet


@final
@dataclass(frozen=True, eq=False)
class Dependence:
    """A group of runs without those that depend on an earlier one."""

    kept: tuple[int, ...]
    """Numbers of the runs that the headline is of."""
    left_out: tuple[tuple[int, int, Check], ...]
    """Of each run that is not: its number, that of the run it depends on, and what was found."""


def of_one_model(runs: RunSet, group: Sequence[int]) -> tuple[int, ...]:
    """The most runs of a group that may be of one language model, as far as names tell.

    All of them where no directions are compared.
    """
    if not runs.directions:
        return tuple(group)
    names = [run.key.model_name for run in runs.dictionaries]
    found: list[list[int]] = []
    for run in group:
        fits = (
            all(same_model(names[run], names[one]) is not False for one in some) for some in found
        )
        number = next((k for k, fit in enumerate(fits) if fit), len(found))
        found += [[]] if number == len(found) else []
        found[number].append(run)
    largest = max(found, key=len)
    return tuple(largest)


def comparable(runs: RunSet, pairs: pd.DataFrame, policy: Policy) -> Bool[np.ndarray, " n_pairs"]:
    """Which rows of a table of pairs are of runs whose views lie in one space.

    Not those of directions of runs of different language models, as far as names tell, unless the
    policy takes their spaces for one.
    """
    names = [run.key.model_name for run in runs.dictionaries]
    different = np.array(
        [
            same_model(names[a], names[b]) is False
            for a, b in zip(pairs["a"], pairs["b"], strict=True)
        ],
        dtype=bool,
    )
    directions = np.asarray(pairs["view"].isin(runs.directions), dtype=bool)
    return np.asarray(~(directions & different & (policy.align == "none")), dtype=bool)


def find_dependence(matched: MatchedRuns, group: Sequence[int]) -> Dependence:
    """The runs of a group that fail no check of independence with an earlier one that stays.

    Where fewer than two would be left all stay, and the failed checks void the result.
    """
    kept: list[int] = []
    left_out = []
    for run in group:
        found = next(
            ((run, other, check) for other in kept if (check := _failed(matched, other, run))), None
        )
        if found is None:
            kept.append(run)
        else:
            left_out.append(found)
    if len(kept) < 2:
        return Dependence(tuple(group), ())
    return Dependence(tuple(kept), tuple(left_out))


def about_dependence(
    matched: MatchedRuns, group: Sequence[int], found: Dependence, policy: Policy
) -> dict[str, Any]:
    """Who was left out and why, and the headline with and without them; empty where nobody was."""
    if not found.left_out:
        return {}
    names = matched.runs.names
    return {
        "dependent": {
            "left_out": [
                {
                    "run": names[run],
                    "depends_on": names[other],
                    "check": check.id,
                    "message": check.message,
                }
                for run, other, check in found.left_out
            ],
            "with": _headline(matched, group, policy),
            "without": _headline(matched, found.kept, policy),
        }
    }


def _failed(matched: MatchedRuns, i: int, j: int) -> Check | None:
    pair = matched.pairs[min(i, j), max(i, j)]
    return next((check for check in _of_independence(pair) if check.status == "fail"), None)


def _of_independence(pair: MatchedPair) -> list[Check]:
    a, b = pair.a.dictionary, pair.b.dictionary
    if not (a.views and b.views):
        return [check_same_weights(a, b, hashes=(pair.a.sha256, pair.b.sha256))]
    return [
        check_same_weights(a, b, hashes=(pair.a.sha256, pair.b.sha256)),
        check_shared_initialisation(a, b, partners=pair.partners),
    ]


def _headline(matched: MatchedRuns, group: Sequence[int], policy: Policy) -> dict[str, Any]:
    """By rule, the latents of a run in a strict family of all runs, and what two runs share."""
    runs = matched.runs
    tables = {view: among(matched.table(view), group) for view in runs.view_names}
    content = members_of([runs.parts[run] for run in group]).content
    rules = find_rules(tables, policy.threshold, content)
    pairs = run_pair_table(tables, policy.threshold)
    return {
        "n_runs": len(group),
        "in_all_runs_fraction": {
            name: in_all_runs_fraction(strict_part(rule.partition), rule.edges)
            for name, rule in rules.items()
        },
        "shared": {
            str(view): float(some["shared"].mean())
            for view, some in pairs.groupby("view", sort=False)
            if some["shared"].notna().any()
        },
    }
