"""Many runs: the place where pairs, families, nulls and widths meet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from universality.compute.stages import Stage, enter_stage
from universality.dictionary import Dictionary
from universality.errors import InvalidInputError
from universality.loading.checkpoints import ORIENTATIONS
from universality.recurrence.assignments import read_assignments
from universality.recurrence.dependence import (
    about_dependence,
    find_dependence,
    of_one_model,
)
from universality.recurrence.families.consensus import consensus_dictionary
from universality.recurrence.families.family_rules import find_rules
from universality.recurrence.further_run import with_further_run
from universality.recurrence.group_study import assemble, study_group
from universality.recurrence.null_runs import random_assignments
from universality.recurrence.widths.ladder import Step, climb, ladder
from universality.recurrence.widths.width_tables import width_summary, width_tables
from universality.results import Stability
from universality.runs.common_tokens import CACHES, Activations, cache_for, open_caches
from universality.runs.matched import match_runs
from universality.runs.opening import RUN, Run, dictionary_of, open_runs
from universality.runs.policy import POLICY, Policy
from universality.runs.run_set import RunSet, gather_runs, groups
from universality.runs.views import FITTED_ALIGNMENTS
from universality.storage.kept import STORE, PairStore, as_store
from universality.validation import PATH, TEXT, Is, OneOf, Several, either, takes

THRESHOLDS = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
"""Thresholds of every spectrum, beside the policy's own."""


@takes(
    runs=Several(RUN),
    policy=POLICY,
    activations=CACHES,
    keys=either(PATH, None),
    store=STORE,
    format=either(TEXT, None),
    orientation=either(OneOf(ORIENTATIONS), None),
)
def stability(
    runs: Run | Sequence[Run],
    policy: Policy | None = None,
    *,
    activations: Activations = (),
    keys: str | Path | None = None,
    store: str | Path | PairStore | None = None,
    format: str | None = None,
    orientation: str | None = None,
) -> Stability:
    """Which latents come back over many runs, in each view, beside the null.

    Families, cycles and spectra are over the largest group of equally wide runs (of one training
    step and model), without those that depend on an earlier one: that started from the same
    weights, or are the same run. Runs of different width also give the ladder of widths, which only
    directions can.

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
    if policy.align in FITTED_ALIGNMENTS:
        raise InvalidInputError(
            f"--align {policy.align} fits a map between two models: use it with `compare`; a study "
            "of many runs takes --align none or shared"
        )
    pairs = as_store(store)
    enter_stage(Stage.OPEN)
    opened = open_runs(runs, keys=keys, format=format, orientation=orientation)
    given = open_caches(activations, rows=policy.rows)
    caches = [cache_for(dictionary_of(run), given) for run in opened] if given else []
    enter_stage(Stage.READ)
    gathered = gather_runs(opened, policy, caches, codes=pairs and pairs.folder)
    enter_stage(Stage.MATCH)
    matched = match_runs(gathered, policy, store=pairs)
    group = of_one_model(gathered, groups(gathered)[0])
    independent = find_dependence(matched, group)
    found = study_group(matched, independent.kept, policy, store=pairs)
    about = about_dependence(matched, group, independent, policy)
    found = replace(found, summary=found.summary | about)
    enter_stage(Stage.WIDTHS)
    steps = [
        climb(gathered, pair, matched.table("decoder"), policy, store=pairs)
        for pair in ladder(gathered)
    ]
    return _with_widths(found, gathered, steps, policy) if steps else found


def stability_of_assignments(path: str | Path, *, seed: int = 0) -> Stability:
    """The same statistics from precomputed assignments (see `read_assignments`), without weights.

    Every assigned pair is an edge, so of one view only families over all runs are meaningful.
    """
    matched = read_assignments(path)
    first = next(iter(matched.values()))
    runs = [{"name": n, "d_sae": s} for n, s in zip(first.runs, first.sizes, strict=True)]
    rules, null = find_rules(matched, 0.0), random_assignments(matched)
    about = {"runs": runs, "policy": {"assignments": Path(path).name, "seed": seed}}
    found = assemble(matched, rules, null, thresholds=(), about=about)
    return with_further_run(found, rules, null, thresholds=())


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


def _with_widths(
    found: Stability, runs: RunSet, steps: Sequence[Step], policy: Policy
) -> Stability:
    summaries = [width_summary(runs, step, policy.threshold) for step in steps]
    return replace(
        found,
        summary=found.summary | {"widths": summaries},
        widths=width_tables(runs, steps, policy.threshold),
    )
