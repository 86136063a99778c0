"""Stability against what a latent is: how often it fires, and how long its decoder row is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from universality.recurrence.families.family_rules import Rule
from universality.recurrence.null_runs import RunsNull

COVARIATES = ("frequency", "decoder_norm")
"""Columns of the table of latents that stability is set against."""

_N_CLASSES = 10
_ALIKE = 1e-3


def stability_by(
    latents: pd.DataFrame, rules: Mapping[str, Rule], null: RunsNull
) -> dict[str, dict[str, Any]]:
    """For each covariate and rule, ten classes of equally many latents and the rank correlation.

    Classes, fewer with ties, go from the lowest values to the highest: `low`, `high`, `median` of
    the covariate, `n` latents, `mean_stability`, and `in_all_runs`, the share found in every run.
    Latents of all runs count together. A covariate that is unknown, or the same for all latents
    (unit norms), is left out, and so is the correlation of a stability that never varies. `null` is
    the mean stability of latents of unrelated runs.
    """
    found: dict[str, dict[str, Any]] = {}
    for covariate in COVARIATES:
        if covariate in latents and _varies(latents.loc[latents["alive"], covariate]):
            found[covariate] = {
                name: _classes(latents, covariate, name)
                | ({"null": chance} if chance is not None else {})
                for name, rule in rules.items()
                for chance in (null.share.get((name, rule.threshold)),)
            }
    return found


def _varies(values: pd.Series) -> bool:
    known = values.dropna()
    return bool(known.size > 1 and known.max() - known.min() > _ALIKE * known.abs().max())


def _classes(latents: pd.DataFrame, covariate: str, rule: str) -> dict[str, Any]:
    columns = {"value": latents[covariate], "stability": latents[f"stability_{rule}"]}
    known = pd.DataFrame(columns).dropna()
    if known.empty:
        return {"classes": []}
    classes = pd.qcut(known["value"], _N_CLASSES, duplicates="drop")
    rows = [
        {
            "low": float(part["value"].min()),
            "high": float(part["value"].max()),
            "median": float(part["value"].median()),
            "n": len(part),
            "mean_stability": float(part["stability"].mean()),
            "in_all_runs": float((part["stability"] == 1).mean()),
        }
        for _, part in known.groupby(classes, observed=True)
    ]
    if known["stability"].nunique() < 2:
        return {"classes": rows}
    correlation = known["value"].corr(known["stability"], method="spearman")
    return {"classes": rows, "rank_correlation": float(correlation)}
