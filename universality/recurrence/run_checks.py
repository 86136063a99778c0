"""What each run of a study is, and what could void or explain what is found among them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import combinations
from typing import Any

import numpy as np

from universality.activations.row_screen import about_rows
from universality.checks import run_checks
from universality.checks.about_run import check_records
from universality.checks.check import Check
from universality.checks.given_activations import check_caches
from universality.runs.matches import MatchedRuns
from universality.runs.policy import Policy
from universality.runs.run_set import RunSet

_ORDER = ("fail", "warn", "ok", "skipped")


def about_caches(runs: RunSet) -> dict[str, Any]:
    """The caches that the runs were encoded on, each once; nothing without activations."""
    recorded = [part.recorded for part in runs.parts if part.recorded is not None]
    caches = {one.cache.meta.sha256: one.cache for one in recorded}
    about = [
        {
            "hook_name": cache.meta.hook_name,
            "model_name": cache.meta.model_name,
            "n_tokens": len(cache),
            "sha256": sha256,
            "rows": about_rows(cache),
        }
        for sha256, cache in caches.items()
    ]
    return {"activations": about} if about else {}


def check_runs(
    runs: RunSet, matched: Mapping[str, MatchedRuns], policy: Policy
) -> list[dict[str, Any]]:
    """Every check of two runs over all matched pairs: the worst finding of each, and where.

    Skipped only where every pair skips it.
    """
    found: dict[str, list[tuple[str, Check]]] = {}
    first = next(iter(matched.values()))
    for i, j in combinations(range(first.n_runs), 2):
        if first.available[i, j]:
            for check in _checks_of_pair(runs, matched, (i, j), policy):
                pair = f"{runs.names[i]} and {runs.names[j]}"
                found.setdefault(check.id, []).append((pair, check))
    return check_records([_worst(checks) for checks in found.values()])


def _checks_of_pair(
    runs: RunSet, matched: Mapping[str, MatchedRuns], pair: tuple[int, int], policy: Policy
) -> list[Check]:
    i, j = pair
    partners = {}
    for view, one in matched.items():
        partner = one.partner[one.rows(i), j]
        partners[view] = np.where(partner >= 0, partner - one.starts[j], -1)
    recorded = runs.parts[i].recorded, runs.parts[j].recorded
    of_caches = []
    if recorded[0] is not None and recorded[1] is not None:
        both = recorded[0], recorded[1]
        of_caches = check_caches(runs.dictionaries[i], runs.dictionaries[j], both)
    of_runs = run_checks(
        runs.dictionaries[i],
        runs.dictionaries[j],
        alive=(runs.parts[i].alive, runs.parts[j].alive),
        partners=partners,
        hashes=(runs.parts[i].sha256, runs.parts[j].sha256),
        align=policy.align,
    )
    return [*of_runs, *of_caches]


def _worst(checks: list[tuple[str, Check]]) -> Check:
    pair, worst = min(checks, key=lambda one: _ORDER.index(one[1].status))
    alike = sum(check.status == worst.status for _, check in checks)
    where = f"{pair}" if alike == 1 else f"{pair}, and {alike - 1} more of {len(checks)} pairs"
    message = worst.message
    if worst.status == "ok" and alike < len(checks):
        message += f" ({alike} of {len(checks)} pairs; skipped for the others)"
    elif worst.status != "ok" and len(checks) > 1:
        message = f"{where}: {message}"
    return replace(worst, message=message)
