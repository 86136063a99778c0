"""A result of many runs with what they say of one run more: chances to come back, and a census."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pandas as pd

from universality.recurrence.census.study_census import study_census_summary, study_census_table
from universality.recurrence.families.family_rules import Rule
from universality.recurrence.null_runs import RunsNull
from universality.recurrence.reappearance.study_chances import (
    StudyChances,
    chance_columns,
    chance_summary,
    chance_table,
    left_out_table,
    study_chances,
)
from universality.recurrence.study_tables import edge_rules
from universality.results import Stability


def with_further_run(
    found: Stability,
    rules: Mapping[str, Rule],
    null: RunsNull,
    *,
    thresholds: Sequence[float],
    dependent: str = "",
    note: str = "",
) -> Stability:
    """The result with `p_reappears` for latents and families, its tables, and the census.

    `dependent` says why the runs are no independent draws, in which case there are no chances;
    `note` in what they differ besides their seed.
    """
    keys = edge_rules(rules, thresholds)
    chances = study_chances(rules, keys, dependent=dependent, note=note)
    runs = next(iter(rules.values())).matched.runs
    columns = chance_columns(rules, chances)
    return replace(
        found,
        latents=found.latents.assign(**columns),
        families=_with_chances(found.families, rules, chances),
        summary=found.summary
        | {
            "reappearance": chance_summary(rules, chances),
            "census": study_census_summary(rules, null),
        },
        reappearance=_unless_empty(chance_table(chances, null)),
        left_out=None if chances.reason else left_out_table(chances, runs),
        census=_unless_empty(study_census_table(rules, keys, null)),
    )


def _with_chances(
    families: pd.DataFrame, rules: Mapping[str, Rule], chances: StudyChances
) -> pd.DataFrame:
    """With the mean over members of the chance by the rule that each family is of."""
    columns = chance_columns(rules, chances)
    found = pd.Series(float("nan"), index=families.index)
    for name, rule in rules.items():
        if f"p_reappears_{name}" in columns:
            members = pd.Series(columns[f"p_reappears_{name}"])
            means = members.groupby(rule.partition.family).mean()
            mine = families["view"] == name
            found[mine] = families.loc[mine, "family"].map(means)
    return families.assign(p_reappears=found) if columns else families


def _unless_empty(table: pd.DataFrame) -> pd.DataFrame | None:
    return table if len(table) else None
