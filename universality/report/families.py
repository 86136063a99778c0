"""The saved tables of many runs as the page carries them."""

from __future__ import annotations

import json
from typing import Any

import pandas as pd

from universality.results import Stability

MOST_FAMILIES = 5_000
"""Families of each rule that the page lists, largest first; the saved tables hold all."""

_OF_NARROW = (
    *("latent", "grade", "partner", "partner_similarity", "nearest_similarity", "members"),
    *("coefficients", "explained_variance", "null_explained_variance"),
)


def stability_data(result: Stability) -> dict[str, Any]:
    """What the page of many runs draws and lists."""
    summary = result.summary
    listed = result.families[result.families["family"] < MOST_FAMILIES]
    return {
        "rule": summary["headline_rule"],
        "threshold": summary.get("policy", {}).get("threshold"),
        "runs": [run if isinstance(run, str) else run["name"] for run in summary["runs"]],
        "n_runs": summary.get("n_runs", len(summary["runs"])),
        "pairs": _records(result.pairs),
        "spectrum": summary["spectrum"],
        "only_in_one": summary["only_in_one_by_view"],
        "stability_by": summary.get("stability_by", {}),
        "families": _records(listed),
        "n_families": result.families["view"].value_counts().to_dict(),
        "members": _members(result.latents),
        "contexts": _contexts(result.contexts),
        "left_out": _at_policy(result, result.left_out),
        "census": _at_policy(result, result.census),
        "flow": [] if result.widths is None else _records(result.widths.flow),
        "specs": _specs(summary["runs"]),
        "narrow": [] if result.widths is None else _narrow(result.widths.narrow),
    }


def _at_policy(result: Stability, table: pd.DataFrame | None) -> list[dict[str, Any]]:
    """The rows of a table at the threshold of the policy, for every rule."""
    if table is None or table.empty:
        return []
    threshold = result.summary.get("policy", {}).get("threshold")
    at = table["threshold"].isna() if threshold is None else table["threshold"] == threshold
    return _records(table[at])


def _specs(runs: list[dict[str, Any] | str]) -> dict[str, str]:
    """By name, where a run lies, unless the result does not say it or it was made in memory."""
    return {
        run["name"]: str(run["spec"])
        for run in runs
        if not isinstance(run, str) and run.get("spec") and run.get("format") != "memory"
    }


def _narrow(latents: pd.DataFrame) -> list[dict[str, Any]]:
    """By step of the ladder, the columns on what became of each narrow latent."""
    if latents.empty:
        return []
    found = []
    for (narrow, wide), step in latents.groupby(["narrow", "wide"], sort=False):
        rows = _records(step[list(_OF_NARROW)])
        columns = {name: [row[name] for row in rows] for name in _OF_NARROW}
        found.append({"narrow": narrow, "wide": wide} | columns)
    return found


def _members(latents: pd.DataFrame) -> dict[str, dict[str, list[list[Any]]]]:
    members: dict[str, dict[str, list[list[Any]]]] = {}
    for name in latents.columns[latents.columns.str.startswith("family_")]:
        listed = latents[name].between(0, MOST_FAMILIES - 1)
        by_family: dict[str, list[list[Any]]] = {}
        for family, run, latent in latents.loc[listed, [name, "run", "latent"]].itertuples(
            index=False
        ):
            by_family.setdefault(str(family), []).append([str(run), int(latent)])
        members[name.removeprefix("family_")] = by_family
    return members


def _contexts(contexts: pd.DataFrame | None) -> dict[str, dict[str, list[dict[str, Any]]]]:
    """The texts of each family by rule, strongest first."""
    found: dict[str, dict[str, list[dict[str, Any]]]] = {}
    for one in [] if contexts is None else contexts.to_dict("records"):
        texts = found.setdefault(one["view"], {}).setdefault(str(one["family"]), [])
        texts.append(
            {
                "document": one["document"],
                "tokens": [str(token) for token in one["tokens"]],
                "centre": int(one["centre"]),
                "codes": [float(code) for code in one["codes"]],
            }
        )
    return found


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    return [dict(row) for row in json.loads(table.to_json(orient="records", double_precision=6))]
