"""The summary of a comparison: the keys of `summary.json`, whose names and meanings stay."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from universality.activation_functions import describe
from universality.checks import Check
from universality.comparison.null_statistics import NullStatistics
from universality.comparison.policy import Policy
from universality.comparison.views import Side
from universality.metrics import RULES, Statistics, ViewMatch
from universality.results import COMPARISON_SCHEMA


def summarise(
    a: Side,
    b: Side,
    *,
    hashes: tuple[str, str],
    policy: Policy,
    matches: Mapping[str, ViewMatch],
    observed: Statistics,
    nulls: Sequence[NullStatistics],
    checks: Sequence[Check],
) -> dict[str, Any]:
    """Everything the comparison says in a few numbers, ready for JSON."""
    first = nulls[0]
    return {
        "schema": COMPARISON_SCHEMA,
        "a": _about(a, hashes[0]),
        "b": _about(b, hashes[1]),
        "policy": {
            "signed": not policy.absolute,
            "threshold": policy.threshold,
            "alive": policy.alive,
            "null": first.name,
            "null_draws": first.n_draws,
            "seed": policy.seed,
        },
        "views": {
            view: _view(view, match, observed, first)
            | {"nulls": {null.name: _null(view, null) for null in nulls}}
            for view, match in matches.items()
        },
        "agreement": _agreement(observed, nulls),
        "shared": _shared(observed, nulls, policy.threshold),
        "checks": [
            {
                "id": check.id,
                "status": check.status,
                "value": check.value,
                "message": check.message,
            }
            for check in checks
        ],
    }


def _about(run: Side, sha256: str) -> dict[str, Any]:
    dictionary, source, key = run.dictionary, run.dictionary.source, run.dictionary.key
    return {
        "spec": source.spec,
        "name": source.name,
        "format": source.format,
        "d_in": dictionary.d_in,
        "d_sae": dictionary.d_sae,
        "n_alive": run.alive.n_alive,
        "n_zero_rows": run.alive.n_zero_rows,
        "alive_source": run.alive.source,
        "activation": describe(dictionary.activation_fn),
        "seed": key.seed,
        "hook_name": key.hook_name,
        "model_name": key.model_name,
        "sha256": sha256,
    }


def _view(
    view: str, match: ViewMatch, observed: Statistics, null: NullStatistics
) -> dict[str, Any]:
    def beside_null(rule: str) -> dict[str, Any]:
        statistic = (view, f"{rule}.mean")
        return {
            "mean": float(observed.averages[statistic]),
            "null_mean": float(null.mean.averages[statistic]),
            "null_sd": float(null.sd.averages[statistic]),
        }

    matching = match.matching
    return {
        "greedy": {"a_to_b": beside_null(RULES[0]), "b_to_a": beside_null(RULES[1])},
        "assignment": beside_null(RULES[2])
        | {
            "n_pairs": int(matching.n_pairs),
            "total": float(matching.total),
            "upper_bound": float(matching.upper_bound),
            "gap": float(matching.gap),
            "certified": bool(matching.certified),
        },
        "mutual": {
            side: float(observed.averages[view, f"mutual.{side}"])
            for side in ("fraction_a", "fraction_b")
        },
    }


def _null(view: str, null: NullStatistics) -> dict[str, Any]:
    names = null.mean.averages[view].index
    return {"n_draws": null.n_draws} | {
        name: {
            "mean": float(null.mean.averages[view, name]),
            "sd": float(null.sd.averages[view, name]),
        }
        for name in names
    }


def _agreement(observed: Statistics, nulls: Sequence[NullStatistics]) -> dict[str, Any]:
    return {
        view: {
            "value": float(value),
            "null": float(nulls[0].mean.averages[view, "agreement"]),
            "nulls": {null.name: float(null.mean.averages[view, "agreement"]) for null in nulls},
        }
        for (view, statistic), value in observed.averages.items()
        if statistic == "agreement"
    }


def _shared(
    observed: Statistics, nulls: Sequence[NullStatistics], threshold: float
) -> list[dict[str, Any]]:
    shares = observed.shares.xs("assignment", axis="columns", level=1)
    listed = [t for t in shares.index if round(t * 100) % 5 == 0 or t == threshold]
    return [
        {"threshold": float(t)}
        | {
            str(view): {
                "value": float(shares.at[t, view]),
                "null": float(_share(nulls[0], view, t)),
                "nulls": {null.name: float(_share(null, view, t)) for null in nulls},
            }
            for view in shares.columns
        }
        for t in listed
    ]


def _share(null: NullStatistics, view: str, threshold: float) -> float:
    column: pd.Series = null.mean.shares[view, "assignment"]
    return float(column.loc[threshold])
