"""Two runs compared in seconds: what is observed, beside the one null that needs no draws.

The isotropic null has a closed form for nearest latents; assignments, and both views together,
reach at most what it says of the nearest of the smaller run's latents. It knows nothing of a mean
and spectrum that runs share, so nothing is graded by it: what a whole comparison says of single
latents, of its other nulls and of the own runs is absent here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from universality.checks.about_run import about_run, check_records
from universality.checks.all_checks import run_checks
from universality.comparison.summary import mutual_shares, proof_of
from universality.errors import InvalidInputError
from universality.nulls import isotropic
from universality.results.validity import judge, withdrawn
from universality.runs.matched import MatchedPair, match_runs
from universality.runs.metrics import RULES, Statistics, measure
from universality.runs.opening import Run, open_run
from universality.runs.policy import Policy
from universality.runs.run_set import gather_runs
from universality.runs.views import ACTIVATIONS, BOTH

SCHEMA = "universality.quick_look/1"
"""Of the summary: none that a folder is read by."""

NULL = "isotropic"
"""The null that stands in."""

_THRESHOLDS = tuple(round(0.05 * step, 2) for step in range(21))


def look_quickly(a: Run, b: Run, policy: Policy) -> dict[str, Any]:
    """What two runs have in common by their directions, ready for JSON; nothing is drawn.

    The assignments are those of `compare`, certified, and its checks of the runs are made. Of
    nulls there is the isotropic one, exact under `null_mean` and `null` for nearest latents, and
    under `null_at_most` as a bound for assignments. Grades, p-values, own runs, other nulls and
    what activations say are absent.

    Raises:
        InvalidInputError: the runs have no view of directions in common, or do not fit the policy.
    """
    if policy.views is not None and ACTIVATIONS in policy.views:
        raise InvalidInputError(
            "a quick look is at directions: the null of activations has no closed form; leave out "
            "--quick, or activations among --view"
        )
    runs = gather_runs([open_run(run) for run in (a, b)], policy)
    if runs.compares_firing:
        raise InvalidInputError(
            "runs known by their codes alone take a whole comparison: no --quick"
        )
    (pair,) = match_runs(runs, policy).pairs.values()
    thresholds = sorted({*_THRESHOLDS, policy.threshold})
    summary = _summary(pair, measure(pair.matches, thresholds), policy)
    return summary | {"answer": withdrawn(summary, _answer(summary))}


def _summary(pair: MatchedPair, observed: Statistics, policy: Policy) -> dict[str, Any]:
    a, b = pair.a, pair.b
    alive = a.alive, b.alive
    checks = check_records(
        run_checks(
            a.dictionary,
            b.dictionary,
            alive=alive,
            partners=pair.partners,
            hashes=(a.sha256, b.sha256),
            align=policy.align,
        )
    )
    return {
        "schema": SCHEMA,
        "a": about_run(a),
        "b": about_run(b),
        "policy": {
            "signed": not policy.absolute,
            "threshold": policy.threshold,
            "align": policy.align,
            "alive": policy.alive,
            "null": NULL,
        },
        "views": {view: _view(pair, view, observed, policy) for view in pair.matches},
        "agreement": {
            of: {"value": value}
            for (of, statistic), value in observed.averages.items()
            if statistic == "agreement"
        },
        "shared": _shared(pair, observed, policy),
        "checks": checks,
        "validity": judge(checks),
    }


def _view(pair: MatchedPair, view: str, observed: Statistics, policy: Policy) -> dict[str, Any]:
    matching = pair.matches[view].matching
    chance = [_mean(pair, view, n, policy) for n in (matching.n_b, matching.n_a)]
    means = [float(observed.averages[view, f"{rule}.mean"]) for rule in RULES]
    a_to_b, b_to_a = (
        {"mean": mean, "null_mean": null} for mean, null in zip(means, chance, strict=False)
    )
    return {
        "greedy": {"a_to_b": a_to_b, "b_to_a": b_to_a},
        "assignment": {
            "mean": means[2],
            "null_at_most": _mean(pair, view, max(matching.n_a, matching.n_b), policy),
            **proof_of(matching),
        },
        "mutual": mutual_shares(observed, view),
    }


def _mean(pair: MatchedPair, view: str, n: int, policy: Policy) -> float:
    """Of the nearest among n latents."""
    d = pair.a.directions[view].shape[1]
    return isotropic.mean_of_maximum(d, n, absolute=policy.absolute)


def _shared(
    pair: MatchedPair, observed: Statistics, policy: Policy
) -> list[dict[str, float | dict[str, float]]]:
    """At each twentieth and at the threshold: the share one to one, and what chance is at most."""
    n = max(pair.a.alive.n_alive, pair.b.alive.n_alive)
    chance = {
        view: isotropic.exceedance(
            np.array(observed.thresholds), rows.shape[1], n, absolute=policy.absolute
        )
        for view, rows in pair.a.directions.items()
        if view in pair.matches
    }
    chance[BOTH] = np.minimum.reduce(list(chance.values()))
    return [
        {"threshold": threshold}
        | {
            view: {"value": float(shares[i]), "null_at_most": float(chance[view][i])}
            for (view, rule), shares in observed.shares.items()
            if rule == RULES[2]
        }
        for i, threshold in enumerate(observed.thresholds)
    ]


def _answer(summary: Mapping[str, Any]) -> list[str]:
    threshold = summary["policy"]["threshold"]
    row = next(row for row in summary["shared"] if row["threshold"] == threshold)
    view = BOTH if BOTH in row else next(iter(summary["views"]))
    n = min(summary[side]["n_alive"] for side in ("a", "b"))
    where = view.replace("_", " ")
    return [
        f"Of {n:,} latents {row[view]['value']:.1%} have a partner at {threshold:g} or more in "
        f"{where}; the {NULL} null gives at most {row[view]['null_at_most']:.1%}.",
        f"A quick look: the {NULL} null, in closed form, stands in for nulls that know the runs' "
        "mean and spectrum and is too low where they have one; no latent is graded, no p-value "
        "given, and no run matched with itself.",
    ]
