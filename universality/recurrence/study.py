"""Many runs: the place where pairs, families, nulls and widths meet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from universality.checks.about_run import about_run
from universality.compute.norms import row_norms
from universality.dictionary import Dictionary
from universality.errors import InvalidInputError
from universality.loading.checkpoints import ORIENTATIONS
from universality.recurrence.assignments import read_assignments
from universality.recurrence.families.consensus import consensus, consensus_dictionary
from universality.recurrence.families.covariates import stability_by
from universality.recurrence.families.family_contexts import family_contexts
from universality.recurrence.families.family_rules import Rule, find_rules, headline
from universality.recurrence.families.family_table import family_table, mean_over_members
from universality.recurrence.families.soft_families import content_of
from universality.recurrence.null_runs import RunsNull, null_from, random_assignments
from universality.recurrence.run_checks import about_caches, check_runs
from universality.recurrence.study_summary import as_records, summarise_study
from universality.recurrence.study_tables import (
    grade_columns,
    run_pair_table,
    spectrum_table,
    study_latent_table,
    triple_table,
    with_names,
)
from universality.recurrence.widths.ladder import Step, climb, ladder
from universality.recurrence.widths.width_tables import width_summary, width_tables
from universality.results import STABILITY_SCHEMA, Stability, judge
from universality.results.grades import grade_counts
from universality.runs.chance import draw_nulls
from universality.runs.common_tokens import CACHES, Activations, cache_for, open_caches
from universality.runs.keys import cells_of
from universality.runs.matches import MatchedRuns, among
from universality.runs.opening import RUN, Run, dictionary_of, open_runs
from universality.runs.pairings import groups, match_runs
from universality.runs.part import RunPart
from universality.runs.policy import POLICY, Policy
from universality.runs.run_set import RunSet, gather_runs
from universality.storage.kept import PairStore, begin_store
from universality.validation import PATH, TEXT, Is, OneOf, Several, either, takes

THRESHOLDS = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
"""Thresholds of every spectrum, beside the policy's own."""


@takes(
    runs=Several(RUN),
    policy=POLICY,
    activations=CACHES,
    keys=either(PATH, None),
    store=either(PATH, None),
    format=either(TEXT, None),
    orientation=either(OneOf(ORIENTATIONS), None),
)
def stability(
    runs: Run | Sequence[Run],
    policy: Policy | None = None,
    *,
    activations: Activations = (),
    keys: str | Path | None = None,
    store: str | Path | None = None,
    format: str | None = None,
    orientation: str | None = None,
) -> Stability:
    """Which latents come back over many runs, in each view, beside the null.

    Families, cycles and spectra are over the largest group of equally wide runs (of one training
    step). Runs of different width also give the ladder of widths, which only directions can.

    Args:
        runs: Dictionaries, addresses that `load` understands, folders of latents that delphi
            cached, or folders of runs, which stand for all runs below them.
        policy: What was decided beforehand.
        activations: Caches of the same texts, one for each model and hook that the runs read; what
            all of them kept is compared.
        keys: A CSV that tells runs apart: run, model_name, hook_name, seed, step, dataset.
        store: A folder that keeps codes, matched pairs, draws of nulls and steps of the ladder, so
            that a study goes on where it was stopped.
        format: Format of the runs, where it cannot be told from their files.
        orientation: Whether the `rows` or `columns` of square weights are directions.

    Raises:
        InvalidInputError: an argument does not fit, there are fewer than two runs, they have no
            view in common, or the policy asks for the matrix, which is kept of two runs only.
        OutputError: `store` holds something else, or cannot be written.
    """
    policy = policy or Policy()
    if policy.matrix:
        raise InvalidInputError(
            "--matrix (`matrix=True`) keeps every similarity of two runs; leave it out of a study "
            "of many, and compare the two in question"
        )
    store = None if store is None else Path(store)
    if store is not None:
        begin_store(store)
    opened = open_runs(runs, keys=keys, format=format, orientation=orientation)
    given = open_caches(activations, rows=policy.rows)
    caches = [cache_for(dictionary_of(run), given) for run in opened] if given else []
    gathered = gather_runs(opened, policy, caches, codes=store)
    pairs = PairStore(store) if store else None
    matched = match_runs(gathered, policy, store=pairs)
    found = _from_runs(gathered, matched, policy, store=pairs)
    steps = [
        climb(gathered, pair, matched["decoder"], policy, store=pairs) for pair in ladder(gathered)
    ]
    return _with_widths(found, gathered, steps, policy) if steps else found


def stability_of_assignments(path: str | Path, *, seed: int = 0) -> Stability:
    """The same statistics from precomputed assignments (see `read_assignments`), without weights.

    Every assigned pair is an edge, so of one view only families over all runs are meaningful.
    """
    matched = read_assignments(path)
    first = next(iter(matched.values()))
    runs = [{"name": n, "d_sae": s} for n, s in zip(first.runs, first.sizes, strict=True)]
    return assemble(
        matched,
        find_rules(matched, 0.0),
        random_assignments(matched),
        thresholds=(),
        about={"runs": runs, "policy": {"assignments": Path(path).name, "seed": seed}},
    )


@takes(
    found=Is((Stability,), "a result of `stability`"),
    runs=Several(Is((Dictionary,), "a dictionary")),
    rule=either(TEXT, None),
)
def consensus_of(
    found: Stability, runs: Sequence[Dictionary], *, rule: str | None = None
) -> Dictionary | None:
    """One latent per family of a rule (the headline's), averaged over the runs that were studied.

    `runs` are those that gave the result, in the same order. None where they cannot be averaged
    (see `consensus_dictionary`).

    Raises:
        InvalidInputError: these are not the runs of the result, or it has no such rule.
    """
    studied, column = found.summary["runs"], f"family_{rule or found.summary['headline_rule']}"
    if [run.d_sae for run in runs] != [about["d_sae"] for about in studied]:
        raise InvalidInputError(
            f"consensus_of: runs must be the {len(studied)} that gave the result, in their order: "
            f"{', '.join(about['name'] for about in studied)}"
        )
    if column not in found.latents:
        known = ", ".join(found.summary["families"])
        raise InvalidInputError(f"consensus_of: rule must be one of {known}, got {rule!r}")
    ours = [run for run, about in zip(runs, studied, strict=True) if about["in_families"]]
    family = found.latents[column].to_numpy(dtype=np.int64)
    return consensus_dictionary(ours, family, absolute=found.summary["policy"]["absolute"])


def _from_runs(
    runs: RunSet,
    matched: Mapping[str, MatchedRuns],
    policy: Policy,
    *,
    store: PairStore | None,
) -> Stability:
    group, checked = groups(runs)[0], check_runs(runs, matched, policy)
    thresholds = sorted({*THRESHOLDS, policy.threshold})
    members = [runs.parts[run] for run in group]
    dictionaries = [part.dictionary for part in members]
    ours = {view: among(one, group) for view, one in matched.items()}
    content = np.concatenate([_content(run) for run in dictionaries])
    rules = find_rules(ours, policy.threshold, content)
    frequency = np.concatenate([_frequency(part) for part in members])
    norms = np.concatenate([_norms(run) for run in dictionaries])
    drawn = [group[k % len(group)] for k in range(min(3, len(group)))]
    nulls = draw_nulls(runs, drawn, policy, thresholds=thresholds, store=store)
    found = assemble(
        ours,
        rules,
        null_from(nulls, len(drawn)),
        thresholds=thresholds,
        latent_columns={"frequency": frequency, "decoder_norm": norms}
        | grade_columns(rules, np.concatenate([part.alive.rare.cpu().numpy() for part in members])),
        family_columns={
            name: _spreads(runs, dictionaries, rule, absolute=policy.absolute)
            | {
                "frequency": mean_over_members(rule, frequency),
                "decoder_norm": mean_over_members(rule, norms),
            }
            for name, rule in rules.items()
        },
        about={
            "runs": [
                about_run(part) | {"in_families": run in group}
                for run, part in enumerate(runs.parts)
            ],
            "policy": _plain(asdict(policy)),
            "checks": checked,
            "validity": judge(checked),
            **about_caches(runs),
        },
    )
    pairs = with_names(run_pair_table(matched, policy.threshold), runs.names)
    keys = [run.key for run in runs.dictionaries]
    more = {"pairs": as_records(pairs), "grid": cells_of(keys, runs.names, pairs)}
    grades = {name: grade_counts(own) for name, own in found.latents.groupby("run", sort=False)}
    more["runs"] = [
        about | ({"grades": grades[about["name"]]} if about["name"] in grades else {})
        for about in found.summary["runs"]
    ]
    contexts = family_contexts(rules[headline(rules)], members)
    return replace(found, pairs=pairs, summary=found.summary | more, contexts=contexts)


def _with_widths(
    found: Stability, runs: RunSet, steps: Sequence[Step], policy: Policy
) -> Stability:
    summaries = [width_summary(runs, step, policy.threshold) for step in steps]
    return replace(
        found,
        summary=found.summary | {"widths": summaries},
        widths=width_tables(runs, steps, policy.threshold),
    )


def assemble(
    matched: Mapping[str, MatchedRuns],
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


def _spreads(
    runs: RunSet, dictionaries: Sequence[Dictionary], rule: Rule, *, absolute: bool
) -> dict[str, np.ndarray]:
    family = rule.partition.family
    return {
        f"spread_{view}": consensus(dictionaries, family, view, absolute=absolute).spread
        for view in runs.directions
    }


def _plain(settings: dict[str, Any]) -> dict[str, Any]:
    """As JSON would give it back."""
    return {key: list(v) if isinstance(v, tuple) else v for key, v in settings.items()}


def _content(run: Dictionary) -> np.ndarray:
    if not run.views:
        return np.zeros(run.d_sae, dtype=np.uint64)
    return content_of(*(run.directions(view).float().cpu().numpy() for view in run.views))


def _norms(run: Dictionary) -> np.ndarray:
    if not run.views:
        return np.full(run.d_sae, np.nan)
    norms: np.ndarray = row_norms(run.W_dec).cpu().numpy()
    return norms


def _frequency(run: RunPart) -> np.ndarray:
    """Firing frequency on the activations given, else the checkpoint's own; NaN where unknown."""
    if run.codes is not None:
        return run.column(run.codes.frequency)
    if run.dictionary.firing is not None:
        return run.dictionary.firing.frequency.double().cpu().numpy()
    return np.full(run.dictionary.d_sae, np.nan)
