"""The summary of a comparison: the keys of `summary.json`, whose names and meanings stay."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from universality.activations.row_screen import about_rows
from universality.checks.about_run import about_run
from universality.comparison.tables import latent_shares
from universality.matching.result import Matching
from universality.nulls.significance import normalised_excess
from universality.results import COMPARISON_SCHEMA
from universality.results.grades import grade_counts
from universality.runs.between.own_runs import OwnRun
from universality.runs.between.surprise import Side
from universality.runs.chance import NullStatistics, first_null_of, nulls_of
from universality.runs.matched import MatchedPair
from universality.runs.metrics import RULES, Statistics
from universality.runs.policy import Policy
from universality.runs.run_set import RunSet
from universality.runs.view_match import ViewMatch


def summarise(
    matched: MatchedPair,
    *,
    policy: Policy,
    observed: Statistics,
    nulls: Sequence[NullStatistics],
    own: Mapping[Side, OwnRun],
    latents: Mapping[Side, pd.DataFrame],
) -> dict[str, Any]:
    """Everything the comparison says in a few numbers, ready for JSON."""
    first, runs = nulls[0], matched.runs
    return {
        "schema": COMPARISON_SCHEMA,
        "a": about_run(matched.a),
        "b": about_run(matched.b),
        "policy": {
            "signed": not policy.absolute,
            "threshold": policy.threshold,
            "align": policy.align,
            "alive": policy.alive,
            "null": first.name,
            "null_version": first.version,
            "null_draws": first.plan.n_draws,
            "null_width": first.plan.description,
            "seed": policy.seed,
        },
        **({} if runs.table is None else {"activations": _about_tokens(runs, policy)}),
        **({} if runs.fitted is None else {"alignment": runs.fitted.as_record()}),
        "views": {
            view: _view(view, match, observed, first_null_of(view, nulls))
            | {"own_run": {side: one.summary(view) for side, one in own.items()}}
            | {"latents": {side: latent_shares(table, view) for side, table in latents.items()}}
            | {"nulls": {null.name: _null(view, null) for null in nulls_of(view, nulls)}}
            for view, match in matched.matches.items()
        },
        "agreement": _agreement(observed, nulls),
        "shared": _shared(observed, nulls, own, policy.threshold),
        "grades": {side: grade_counts(table) for side, table in latents.items()},
    }


def _about_tokens(runs: RunSet, policy: Policy) -> dict[str, Any]:
    recorded = [part.recorded for part in runs.parts if part.recorded is not None]
    caches = [one.cache for one in recorded]
    metas = [cache.meta for cache in caches]
    return {
        "n_tokens": 0 if runs.table is None else len(runs.table),
        "n_documents": runs.n_documents,
        "share_in_common": {
            side: one.share_in_common for side, one in zip("ab", recorded, strict=True)
        },
        "measure": policy.measure,
        "min_firing": policy.min_firing,
        "hook_name": {"a": metas[0].hook_name, "b": metas[1].hook_name},
        "model_name": {"a": metas[0].model_name, "b": metas[1].model_name},
        "sha256": {"a": metas[0].sha256, "b": metas[1].sha256},
        "rows": {side: about_rows(cache) for side, cache in zip("ab", caches, strict=True)},
    }


def _view(
    view: str, match: ViewMatch, observed: Statistics, null: NullStatistics
) -> dict[str, Any]:
    def beside_null(rule: str) -> dict[str, Any]:
        statistic = (view, f"{rule}.mean")
        value, chance = observed.averages[statistic], null.mean.averages[statistic]
        return {
            "mean": value,
            "null_mean": chance,
            "null_sd": null.sd.averages[statistic],
            "normalised_excess": normalised_excess(value, chance),
        }

    return {
        "greedy": {"a_to_b": beside_null(RULES[0]), "b_to_a": beside_null(RULES[1])},
        "assignment": beside_null(RULES[2]) | proof_of(match.matching),
        "mutual": mutual_shares(observed, view),
    }


def proof_of(matching: Matching) -> dict[str, Any]:
    """What a summary keeps of an assignment: its total, and how far from the optimum it can be."""
    return {
        "n_pairs": int(matching.n_pairs),
        "total": float(matching.total),
        "upper_bound": float(matching.upper_bound),
        "gap": float(matching.gap),
        "certified": bool(matching.certified),
    }


def mutual_shares(observed: Statistics, view: str) -> dict[str, float]:
    """Share of each run's latents that are the nearest of their nearest."""
    return {
        side: float(observed.averages[view, f"mutual.{side}"])
        for side in ("fraction_a", "fraction_b")
    }


def _null(view: str, null: NullStatistics) -> dict[str, Any]:
    return {"draws": null.plan.description, "n_draws": null.plan.n_draws} | {
        statistic: {"mean": mean, "sd": null.sd.averages[of, statistic]}
        for (of, statistic), mean in null.mean.averages.items()
        if of == view
    }


def _agreement(observed: Statistics, nulls: Sequence[NullStatistics]) -> dict[str, Any]:
    return {
        views: {"value": value}
        | _beside_nulls(
            [(null.name, null.mean.averages[views, "agreement"]) for null in nulls_of(views, nulls)]
        )
        for (views, statistic), value in observed.averages.items()
        if statistic == "agreement"
    }


def _shared(
    observed: Statistics,
    nulls: Sequence[NullStatistics],
    own: Mapping[Side, OwnRun],
    threshold: float,
) -> list[dict[str, Any]]:
    views = [view for view, rule in observed.shares if rule == "assignment"]
    rows = []
    for i, t in enumerate(observed.thresholds):
        if round(t * 100) % 5 == 0 or t == threshold:
            row: dict[str, Any] = {"threshold": t}
            for view in views:
                key = (view, "assignment")
                row[view] = {"value": float(observed.shares[key][i])} | _beside_nulls(
                    [
                        (null.name, float(null.mean.shares[key][i]))
                        for null in nulls
                        if key in null.mean.shares
                    ]
                )
                floors = {side: one.share(*key) for side, one in own.items()}
                row[view]["own_run"] = {
                    side: None if floor is None else float(floor[i])
                    for side, floor in floors.items()
                }
            rows.append(row)
    return rows


def _beside_nulls(values: Sequence[tuple[str, float]]) -> dict[str, Any]:
    """The policy's null, and under `nulls` every null by name."""
    return {"null": values[0][1], "nulls": dict(values)}
