"""The summary of many runs: the keys of `summary.json`, whose names and meanings stay."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd

from universality.recurrence.certainty.intervals import interval_note, intervals
from universality.recurrence.certainty.jackknife import Outlier, find_outlier
from universality.recurrence.families.family_rules import Rule, headline
from universality.recurrence.families.partition import in_all_runs_fraction, strict_part
from universality.recurrence.families.spectrum import (
    NOT_IDENTIFIED,
    fit_only_in_one,
    null_spectrum,
    only_in_one_fractions,
    spectrum_fractions,
)
from universality.recurrence.null_runs import RunsNull
from universality.recurrence.study_tables import with_names


def summarise_study(
    rules: Mapping[str, Rule],
    pairs: pd.DataFrame,
    triples: pd.DataFrame,
    *,
    thresholds: Sequence[float],
    null: RunsNull,
    seed: int,
) -> dict[str, Any]:
    """Everything that the families of one group of runs say in a few numbers, ready for JSON."""
    first = next(iter(rules.values())).matched
    main = headline(rules)
    return {
        "n_runs": first.n_runs,
        "n_pairs": int(np.triu(first.available).sum()),
        "missing_pairs": [f"{a}-{b}" for a, b in first.missing],
        "headline_rule": main,
        "null": {"name": null.name, "description": null.description},
        "nulls": {name: one.description for name, one in null.by_name.items()},
        "pairs": as_records(with_names(pairs, first.runs)),
        "spectrum": {
            name: _spectrum(rule, thresholds, null)
            for name, rule in rules.items()
            if _has_spectrum(rule, main)
        },
        "spectrum_base_runs": [first.runs[run] for run in first.complete],
        "only_in_one": _only_in_one(rules[main], null),
        "only_in_one_by_view": {
            name: _only_in_one(rule, null)
            for name, rule in rules.items()
            if _has_spectrum(rule, main)
        },
        "only_in_one_fit": _fit(rules[main]),
        "cycle_consistency": {
            name: _cycles(triples[triples["view"] == name], name, null) for name in rules
        },
        "agreement": _agreement(pairs, null),
        "over_pairs": {
            name: _over_pairs(pairs, rules[name], null) for name in pairs["view"].unique()
        },
        "families": {name: _families(rule, null) for name, rule in rules.items()},
        "jackknife": {
            name: asdict(one) for name, one in intervals(rules, pairs, triples, main).items()
        },
        "jackknife_note": interval_note(first.n_runs),
        "outlying_run": _outlier(pairs, first.runs, seed),
    }


def as_records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows of a table for JSON, without what could not be known."""
    return [_clean(row) for row in table.to_dict("records")]


def _has_spectrum(rule: Rule, main: str) -> bool:
    """Without similarities every assigned pair of one view is an edge and its spectrum is idle."""
    return rule.threshold is not None or (rule.name == main == "decoder_and_encoder")


def _spectrum(rule: Rule, thresholds: Sequence[float], null: RunsNull) -> list[dict[str, Any]]:
    listed: Sequence[float | None] = thresholds if rule.threshold is not None else [None]
    rows = []
    for threshold in listed:
        edges = rule.edges_at(threshold)
        share = null.share.get((rule.name, threshold))
        chance = null_spectrum(share, edges.n_runs) if share is not None else None
        for k, fraction in enumerate(spectrum_fractions(edges), start=1):
            row = {"threshold": threshold, "k": k, "fraction": float(fraction)}
            rows.append(_clean(row | ({} if chance is None else {"null": float(chance[k - 1])})))
    return rows


def _only_in_one(rule: Rule, null: RunsNull) -> list[dict[str, Any]]:
    fractions = only_in_one_fractions(spectrum_fractions(rule.edges))
    share = null.share.get((rule.name, rule.threshold))
    rows = []
    for n_runs, fraction in enumerate(fractions, start=2):
        row = {"n_runs": n_runs, "fraction": float(fraction)}
        if share is not None:
            row["null"] = float((1 - share) ** (n_runs - 1))
        rows.append(_clean(row))
    return rows


def _fit(rule: Rule) -> dict[str, Any]:
    fits = fit_only_in_one(only_in_one_fractions(spectrum_fractions(rule.edges)))
    return {"note": NOT_IDENTIFIED, "curves": [asdict(fit) for fit in fits]}


def _cycles(table: pd.DataFrame, rule: str, null: RunsNull) -> dict[str, Any]:
    values = table["value"].dropna()
    return _clean(
        {
            "mean": float(values.mean()),
            "sd": float(values.std()),
            "n_triples": int(values.size),
            "coverage": float(table["coverage"].mean()),
            "null": null.cycle.get(rule),
        }
    ) | null.others(lambda one: one.cycle.get(rule))


def _agreement(pairs: pd.DataFrame, null: RunsNull) -> dict[str, Any]:
    if "agreement" not in pairs:
        return {}
    values = pairs.loc[pairs["view"] == "decoder", "agreement"]
    others = null.others(lambda one: one.agreement)
    return {"decoder_encoder": _beside(values, null.agreement) | others}


def _over_pairs(pairs: pd.DataFrame, rule: Rule, null: RunsNull) -> dict[str, Any]:
    """Mean similarity, and what is shared at the threshold, over all pairs, as far as known."""
    own = pairs[pairs["view"] == rule.name]
    chances: dict[str, Callable[[RunsNull], float | None]] = {
        "mean": lambda one: one.mean.get(rule.name),
        "shared": lambda one: one.share.get((rule.name, rule.threshold)),
    }
    return {
        column: _beside(own[column], chance(null)) | null.others(chance)
        for column, chance in chances.items()
        if own[column].notna().any()
    }


def _beside(values: pd.Series, null: float | None) -> dict[str, Any]:
    known = values.dropna()
    return _clean(
        {
            "mean": float(known.mean()),
            "sd": float(known.std()),
            "min": float(known.min()),
            "max": float(known.max()),
            "n_pairs": int(known.size),
            "null": null,
        }
    )


def _families(rule: Rule, null: RunsNull) -> dict[str, Any]:
    """Numbers of families; the null of those in all runs is an upper bound.

    A latent of unrelated runs must be found in every run, and its partners must be each other's.
    """
    partition = rule.partition
    strict = strict_part(partition)
    sizes = np.bincount(partition.size[partition.strict], minlength=rule.edges.n_runs + 1)
    share = null.share.get((rule.name, rule.threshold))
    chance = None if share is None else share ** (rule.edges.n_runs - 1)
    if chance is not None and rule.edges.n_runs > 2:
        chance = min(chance, null.cycle.get(rule.name, 1.0))
    known = {} if chance is None else {"null_in_all_runs_at_most": chance}
    return known | {
        "n": int(partition.strict.sum()),
        "in_all_runs_fraction": in_all_runs_fraction(strict, rule.edges),
        "by_size": {str(size): int(sizes[size]) for size in range(2, rule.edges.n_runs + 1)},
        "with_soft": {
            "n": partition.n_families,
            "in_all_runs_fraction": in_all_runs_fraction(partition, rule.edges),
        },
    }


def _outlier(pairs: pd.DataFrame, runs: tuple[str, ...], seed: int) -> dict[str, Any]:
    """By statistic of pairs, the run that stands out most, with its permutation p-value."""
    found: dict[str, Outlier | None] = {}
    for view in pairs["view"].unique():
        table = pairs[pairs["view"] == view]
        generator = np.random.default_rng(seed)
        if table["mean"].notna().all():
            values = table.assign(value=table["mean"])
            found[f"mean_{view}"] = find_outlier(values, len(runs), generator=generator)
        if view == "decoder" and "agreement" in table and table["agreement"].notna().all():
            values = table.assign(value=table["agreement"])
            found["agreement"] = find_outlier(values, len(runs), generator=generator)
    return {
        statistic: {"run": runs[one.run], "difference": one.difference, "p_value": one.p_value}
        for statistic, one in found.items()
        if one is not None
    }


def _clean(row: dict[Any, Any]) -> dict[str, Any]:
    """Without what could not be known: JSON has no NaN, and absent means not computed."""
    return {
        str(key): value
        for key, value in row.items()
        if not (value is None and key != "threshold")
        and not (isinstance(value, float) and np.isnan(value))
    }
