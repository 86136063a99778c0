"""The families of one group of runs, beside what is said of each run and of each two of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

import numpy as np
import pandas as pd

from universality.checks.about_run import about_run
from universality.checks.pair_checks import check_pair
from universality.compute.stages import Stage, enter_stage
from universality.reappearance.domain import recipe_of
from universality.reappearance.exchangeable import dependence_among, recipe_differences
from universality.recurrence.dependence import comparable
from universality.recurrence.families.consensus import consensus
from universality.recurrence.families.covariates import stability_by
from universality.recurrence.families.family_contexts import contexts_of_rules
from universality.recurrence.families.family_rules import Rule, find_rules
from universality.recurrence.families.family_table import family_table, mean_over_members
from universality.recurrence.further_run import with_further_run
from universality.recurrence.members import Members, members_of
from universality.recurrence.null_runs import RunsNull, null_from
from universality.recurrence.run_checks import about_caches, check_runs
from universality.recurrence.study_grades import above_in_some_run, grade_columns
from universality.recurrence.study_summary import as_records, summarise_study
from universality.recurrence.study_tables import (
    run_pair_table,
    spectrum_table,
    study_latent_table,
    triple_table,
    with_names,
)
from universality.results import STABILITY_SCHEMA, Stability, judge
from universality.results.grades import grade_counts
from universality.runs.between.own_runs import OwnRun, match_own_runs
from universality.runs.between.pair_findings import summary_between
from universality.runs.chance import NullStatistics, draw_nulls
from universality.runs.keys import cells_of
from universality.runs.matched import MatchedRuns
from universality.runs.partner_table import PartnerTable, among
from universality.runs.policy import Policy
from universality.runs.run_set import RunSet
from universality.storage.kept import PairStore

THRESHOLDS = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
"""Thresholds of every spectrum, beside the policy's own."""


def study_group(
    matched: MatchedRuns, group: Sequence[int], policy: Policy, *, store: PairStore | None
) -> Stability:
    """What is said of matched runs, with the families of a group of them; the store spares work."""
    runs = matched.runs
    members = runs.among(group)
    thresholds = study_thresholds(policy.threshold)
    tables = {view: matched.table(view) for view in runs.view_names}
    latents = members_of(members.parts)
    ours = {view: among(table, group) for view, table in tables.items()}
    enter_stage(Stage.FAMILIES)
    rules = find_rules(ours, policy.threshold, latents.content)
    drawn = drawn_runs(group)
    enter_stage(Stage.CHANCE)
    nulls = draw_nulls(runs, drawn, policy, thresholds=thresholds, store=store)
    own = match_own_runs(runs, policy, thresholds=thresholds, store=store)
    enter_stage(Stage.JUDGE)
    above = above_in_some_run(matched, group, policy, store=store)
    null = null_from(nulls, len(drawn))
    found = assemble(
        ours,
        rules,
        null,
        thresholds=thresholds,
        latent_columns={"frequency": latents.frequency, "decoder_norm": latents.decoder_norm}
        | grade_columns(rules, above, latents.rare),
        family_columns={
            name: _family_columns(members, latents, rule, absolute=policy.absolute)
            for name, rule in rules.items()
        },
        about={"policy": _plain(asdict(policy))},
    )
    pairs = run_pair_table(tables, policy.threshold)
    pairs = with_names(pairs[comparable(runs, pairs, policy)], runs.names).reset_index(drop=True)
    about = _about(matched, group, policy, nulls, own, found.latents, store)
    summary = found.summary | about | {"pairs": as_records(pairs)}
    summary["grid"] = cells_of([run.key for run in runs.dictionaries], runs.names, pairs)
    _add_floors(summary["over_pairs"], [own[run] for run in group], policy.threshold)
    contexts = contexts_of_rules(rules, members.parts)
    return with_further_run(
        replace(found, pairs=pairs, summary=summary, contexts=contexts),
        rules,
        null,
        thresholds=thresholds,
        dependent=dependence_among(matched, group),
        note=recipe_differences([recipe_of(run) for run in members.dictionaries]),
    )


def drawn_runs(group: Sequence[int]) -> tuple[int, ...]:
    """The runs of a group for which nulls are drawn: three, or two where there are no more."""
    return tuple(group[k % len(group)] for k in range(min(3, len(group))))


def study_thresholds(threshold: float) -> list[float]:
    """At which similarities a study counts, this one among them."""
    return sorted({*THRESHOLDS, threshold})


def assemble(
    matched: Mapping[str, PartnerTable],
    rules: Mapping[str, Rule],
    null: RunsNull,
    *,
    thresholds: Sequence[float],
    about: dict[str, Any],
    latent_columns: Mapping[str, np.ndarray] | None = None,
    family_columns: Mapping[str, Mapping[str, np.ndarray]] | None = None,
) -> Stability:
    """Tables and summary of one group of runs; `about` says which, and under which policy."""
    policy = about["policy"]
    pairs = run_pair_table(matched, policy.get("threshold", 0.0))
    triples = triple_table(rules)
    summary = summarise_study(
        rules, pairs, triples, thresholds=thresholds, null=null, seed=policy["seed"]
    )
    named = next(iter(matched.values())).runs
    columns = family_columns or {}
    latents = study_latent_table(rules).assign(**(latent_columns or {}))
    summary["stability_by"] = stability_by(latents, rules, null)
    return Stability(
        summary={"schema": STABILITY_SCHEMA} | about | summary,
        latents=latents,
        families=pd.concat(
            [family_table(rule, columns.get(name, {})) for name, rule in rules.items()],
            ignore_index=True,
        ),
        pairs=with_names(pairs, named),
        spectrum=spectrum_table(rules, thresholds, null),
        triples=with_names(triples, named),
    )


def _about(
    matched: MatchedRuns,
    group: Sequence[int],
    policy: Policy,
    nulls: Sequence[NullStatistics],
    own: Sequence[OwnRun],
    latents: pd.DataFrame,
    store: PairStore | None,
) -> dict[str, Any]:
    """The runs, what `compare` says of each two of them, and what could void it."""
    runs = matched.runs
    grades = {name: grade_counts(some) for name, some in latents.groupby("run", sort=False)}
    between, checks, within = [], {}, {}
    for (i, j), pair in matched.pairs.items():
        a, b = runs.names[i], runs.names[j]
        said = summary_between(pair, policy, store=store)
        checks[f"{a} and {b}"] = check_pair(pair, nulls, policy, found=said)
        if {i, j} <= set(group):
            within[f"{a} and {b}"] = checks[f"{a} and {b}"]
        between.append({"a": a, "b": b, **said})
    return {
        "runs": [
            about_run(part)
            | {"in_families": run in group}
            | {"own_run": {view: own[run].summary(view) for view in runs.view_names}}
            | ({"grades": grades[part.name]} if part.name in grades else {})
            for run, part in enumerate(runs.parts)
        ],
        "between": between,
        "checks": check_runs(checks),
        "validity": judge(check_runs(within)),
        **about_caches(runs),
    }


def _add_floors(
    over_pairs: Mapping[str, Mapping[str, dict[str, Any]]],
    own: Sequence[OwnRun],
    threshold: float,
) -> None:
    """Beside what pairs of runs have in common, what different latents of one run have."""
    for view, found in over_pairs.items():
        floors = [one for one in own if view in one.within]
        if floors:
            at = floors[0].statistics.thresholds.index(threshold)
            shares = [one.statistics.shares[view, "assignment"][at] for one in floors]
            means = [one.statistics.averages[view, "assignment.mean"] for one in floors]
            for name, values in (("mean", means), ("shared", shares)):
                if name in found:
                    found[name]["own_run"] = float(np.mean(values))


def _family_columns(
    runs: RunSet, latents: Members, rule: Rule, *, absolute: bool
) -> dict[str, np.ndarray]:
    family, dictionaries = rule.partition.family, runs.dictionaries
    spreads = {
        f"spread_{view}": consensus(dictionaries, family, view, absolute=absolute).spread
        for view in runs.directions
    }
    return spreads | {
        "frequency": mean_over_members(rule, latents.frequency),
        "decoder_norm": mean_over_members(rule, latents.decoder_norm),
    }


def _plain(settings: dict[str, Any]) -> dict[str, Any]:
    """As JSON would give it back."""
    return {key: list(v) if isinstance(v, tuple) else v for key, v in settings.items()}
