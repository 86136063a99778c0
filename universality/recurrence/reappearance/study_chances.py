"""The chance to come back in the tables and the summary of a study, by rule and threshold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias, final

import numpy as np
import pandas as pd

from universality.recurrence.certainty.jackknife import CONFIDENCE
from universality.recurrence.families.family_rules import Rule, headline
from universality.recurrence.families.spectrum import n_runs_found
from universality.recurrence.null_runs import RunsNull
from universality.recurrence.reappearance.run_forecast import (
    FEWEST,
    FEWEST_TESTED,
    MODEL,
    RunForecast,
    forecast_one_more,
)

Key: TypeAlias = tuple[str, float | None]
"""A rule and a threshold; None where only assignments are known."""


@final
@dataclass(frozen=True, eq=False)
class StudyChances:
    """What the runs of a study say of one run more."""

    forecasts: Mapping[Key, RunForecast] = field(default_factory=dict)
    """By rule and threshold; empty where there is a reason."""
    reason: str = ""
    """Why there are none."""
    note: str = ""
    """In what the runs differ besides their seed."""


def study_chances(
    rules: Mapping[str, Rule], keys: Sequence[Key], *, dependent: str = "", note: str = ""
) -> StudyChances:
    """The forecasts for these rules and thresholds, unless the runs are `dependent` or too few."""
    n_runs = next(iter(rules.values())).matched.n_runs
    if dependent:
        return StudyChances(reason=dependent)
    if n_runs < FEWEST:
        return StudyChances(
            reason=f"a chance over runs takes {FEWEST} of them, and here are {n_runs}; of two runs "
            "`universality compare` gives one, where it is calibrated"
        )
    found = {(rule, t): forecast_one_more(rules[rule].edges_at(t)) for rule, t in keys}
    known = {key: one for key, one in found.items() if one is not None}
    if not known:
        return StudyChances(reason="no run is matched with every other")
    return StudyChances(known, note=note)


def chance_columns(rules: Mapping[str, Rule], chances: StudyChances) -> dict[str, np.ndarray]:
    """`p_reappears_<rule>` with its ends for each latent, and `p_reappears` by the headline's rule.

    NaN for latents that take no part, and in runs that miss a pair, whose k is a lower bound.
    """
    columns: dict[str, np.ndarray] = {}
    for name, rule in rules.items():
        found = chances.forecasts.get((name, rule.threshold))
        if found is None:
            continue
        known = rule.edges.alive & np.isin(rule.edges.run_of, rule.edges.complete)
        k = n_runs_found(rule.edges) - 1
        for end, values in (("", found.chance), ("_low", found.low), ("_high", found.high)):
            columns[f"p_reappears{end}_{name}"] = np.where(known, values[k], np.nan)
    main = f"p_reappears_{headline(rules)}"
    return columns | ({"p_reappears": columns[main]} if main in columns else {})


def chance_table(chances: StudyChances, null: RunsNull) -> pd.DataFrame:
    """One row per rule, threshold and k: the chance of one run more beside that of unrelated ones.

    `left_out` is the share of the latents found in k of n - 1 runs that the run left out has.
    """
    tables = [
        pd.DataFrame(
            {
                "view": rule,
                "threshold": threshold,
                "k": np.arange(1, one.n_runs + 1),
                "n_latents": one.n_latents,
                "p_reappears": one.chance,
                "low": one.low,
                "high": one.high,
                "left_out": one.left_out,
                "null": null.share.get((rule, threshold), np.nan),
            }
        )
        for (rule, threshold), one in chances.forecasts.items()
    ]
    return _together(tables, _CHANCE_COLUMNS)


def left_out_table(chances: StudyChances, runs: Sequence[str]) -> pd.DataFrame:
    """One row per rule, threshold, run left out and k: predicted by the others, and observed."""
    tables = [
        one.tests.assign(view=rule, threshold=threshold)
        for (rule, threshold), one in chances.forecasts.items()
        if len(one.tests)
    ]
    table = _together(tables, _TEST_COLUMNS)
    return table.assign(held_out_run=table["held_out_run"].map(dict(enumerate(runs))))


_CHANCE_COLUMNS = [
    "view",
    "threshold",
    "k",
    "n_latents",
    "p_reappears",
    "low",
    "high",
    "left_out",
    "null",
]
_TEST_COLUMNS = ["view", "threshold", "held_out_run", "k", "predicted", "observed", "n"]


def _together(tables: Sequence[pd.DataFrame], columns: Sequence[str]) -> pd.DataFrame:
    if not tables:
        return pd.DataFrame(columns=list(columns))
    return pd.concat(tables, ignore_index=True)[list(columns)]


def chance_summary(rules: Mapping[str, Rule], chances: StudyChances) -> dict[str, Any]:
    """Why there are no chances; or what they are, and how far off on the runs left out."""
    if chances.reason:
        return {"reason": chances.reason}
    found: dict[str, Any] = {"model": MODEL, "interval_note": _interval_note(rules)}
    if chances.note:
        found["note"] = chances.note
    found["rules"] = {
        name: _of_rule(chances.forecasts[name, rule.threshold])
        for name, rule in rules.items()
        if (name, rule.threshold) in chances.forecasts
    }
    return found


def _interval_note(rules: Mapping[str, Rule]) -> str:
    n_runs = next(iter(rules.values())).matched.n_runs
    if n_runs < FEWEST_TESTED:
        return (
            f"no intervals and no test: leaving a run out of {n_runs} leaves too few to tell "
            f"chances apart; {FEWEST_TESTED} runs do"
        )
    return (
        f"delete-one-run jackknife, {CONFIDENCE:.0%}, of the chance of latents found in k of "
        f"{n_runs}, the distribution fitted to the other runs; tested on each run left out"
    )


def _of_rule(one: RunForecast) -> dict[str, Any]:
    record: dict[str, Any] = {
        "by_k": [
            {"k": k, "n_latents": int(n), "p_reappears": float(p)}
            | ({} if np.isnan(low) else {"interval": [float(low), float(high)]})
            for k, (n, p, low, high) in enumerate(
                zip(one.n_latents, one.chance, one.low, one.high, strict=True), start=1
            )
            if not np.isnan(p)
        ]
    }
    if len(one.tests):
        gaps = (one.tests["predicted"] - one.tests["observed"]).abs()
        record["calibration_error"] = float(np.average(gaps, weights=one.tests["n"]))
    return record
