"""The census in the tables and the summary of a study, by rule and threshold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from universality.recurrence.census.feature_census import (
    CENSUS_NOTE,
    census_summary,
    census_table,
)
from universality.recurrence.families.family_rules import Rule
from universality.recurrence.null_runs import RunsNull
from universality.recurrence.study_tables import edge_rules


def study_census_table(
    rules: Mapping[str, Rule], keys: Sequence[tuple[str, float | None]], null: RunsNull
) -> pd.DataFrame:
    """One row per rule, threshold and number of runs, from 1 to twice as many as there are."""
    tables = [
        table.assign(view=rule, threshold=threshold)
        for rule, threshold in keys
        if len(
            table := census_table(
                rules[rule].edges_at(threshold), null.share.get((rule, threshold))
            )
        )
    ]
    if not tables:
        return pd.DataFrame(columns=["view", "threshold", "n_runs"])
    found = pd.concat(tables, ignore_index=True)
    return found[["view", "threshold", *found.columns.drop(["view", "threshold"])]]


def study_census_summary(rules: Mapping[str, Rule], null: RunsNull) -> dict[str, Any]:
    """What must be known beside a census, and the census of every rule at its threshold.

    There is none where every assigned pair is an edge.
    """
    at = [rule.threshold for rule in rules.values() if rule.threshold is not None]
    found = {
        name: census_summary(rules[name].edges, null.share.get((name, threshold)))
        for name, threshold in edge_rules(rules, at[:1])
    }
    return {"note": CENSUS_NOTE, "rules": {name: one for name, one in found.items() if one}}
