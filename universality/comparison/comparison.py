"""Compare two runs: which latents of one exist in the other, and how sure that is."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from universality.checks import Check, run_checks
from universality.checks.nulls import check_room
from universality.comparison.answer import answer
from universality.comparison.behind_pairs import firing_evidence, logit_evidence, open_unembedding
from universality.comparison.carriers import carriers_summary, with_carriers
from universality.comparison.cross_view import activation_findings
from universality.comparison.latents import latent_tables
from universality.comparison.own_runs import match_own_runs
from universality.comparison.recording_checks import check_carriers, check_recorded
from universality.comparison.saturated import check_saturated
from universality.comparison.sharing import crosscoder_columns, crosscoder_summary
from universality.comparison.summary import summarise
from universality.comparison.tables import (
    curve_table,
    denominators,
    latent_shares,
    pair_table,
)
from universality.comparison.unmatched import unmatched_subspaces
from universality.errors import InvalidInputError
from universality.evidence.held_out import Fold, cross_fit, pair_rows
from universality.loading.checkpoints import ORIENTATIONS
from universality.models.unembedding import Unembedding
from universality.results import Comparison
from universality.results.grades import grade_counts
from universality.runs.chance import NullStatistics, draw_nulls
from universality.runs.common_tokens import CACHES, Activations, caches_of_two
from universality.runs.draws import OWN_DRAW
from universality.runs.matrix import whole_matrix
from universality.runs.metrics import THRESHOLDS, measure
from universality.runs.opening import RUN, Run, dictionary_of, is_coded, open_run
from universality.runs.pair import MatchedPair, match_pair, partner_numbers
from universality.runs.policy import POLICY, Policy
from universality.runs.run_set import RunSet, gather_runs
from universality.runs.views import ACTIVATIONS
from universality.validation import PATH, TEXT, Is, OneOf, either, takes


@takes(
    a=RUN,
    b=RUN,
    policy=POLICY,
    activations=either(CACHES, None),
    codes=either(PATH, None),
    unembedding=either(Is((Unembedding, str, Path), "an unembedding, or where one lies"), None),
    format=either(TEXT, None),
    orientation=either(OneOf(ORIENTATIONS), None),
)
def compare(
    a: Run,
    b: Run,
    policy: Policy | None = None,
    *,
    activations: Activations | None = None,
    codes: str | Path | None = None,
    unembedding: Unembedding | str | Path | None = None,
    format: str | None = None,
    orientation: str | None = None,
) -> Comparison:
    """Which latents of two runs are the same, in each view, beside the null.

    Runs are dictionaries, addresses that `load` understands, or folders of latents that delphi
    cached, which have the activations view alone. Latents with a zero row take no part. Needs
    memory for a dozen candidates per latent, never the whole matrix of similarities; with
    activations also for the nonzero codes, and up to 2 GB of rounded similarities.

    Args:
        a: The first run.
        b: The second run.
        policy: What was decided beforehand.
        activations: A cache, or one for each run where models or hooks differ; adds the view
            `activations`, and firing on its tokens decides which latents are alive.
        codes: Folder in which codes are kept, so that a repeated call need not encode again.
        unembedding: That of the runs' model, or what `load_unembedding` understands; adds what the
            latents of pairs write to the logits.
        format: Format of both runs, where it cannot be told from their files.
        orientation: Whether the `rows` or `columns` of square weights are directions.

    Raises:
        InvalidInputError: an argument does not fit, the runs live in spaces of different width, the
            caches do not fit the runs or each other, or the policy does not fit them.
        MissingFileError, FormatError, UnsupportedError: as `load_unembedding`.
    """
    policy = policy or Policy()
    opened = [open_run(run, format=format, orientation=orientation) for run in (a, b)]
    if unembedding is not None and is_coded(opened):
        raise InvalidInputError(
            "caches of latents hold codes and no weights: leave out --unembedding"
        )
    run_a, run_b = (dictionary_of(run) for run in opened)
    caches = [] if activations is None else caches_of_two(activations, rows=policy.rows)
    to_logits = open_unembedding(unembedding, run_a, run_b, caches=caches)
    kept_codes = None if codes is None else Path(codes)
    matched = match_pair(gather_runs(opened, policy, caches, codes=kept_codes), policy)
    thresholds = sorted({*THRESHOLDS, policy.threshold})
    observed = measure(matched.matches, thresholds)
    nulls = draw_nulls(matched.runs, (0, 1), policy, thresholds=thresholds, matches=matched.matches)
    own = match_own_runs(matched, policy, thresholds=thresholds)
    latents_a, latents_b = (
        table.assign(**crosscoder_columns(run_a, run_b))
        for table in latent_tables(matched, nulls, own, policy=policy)
    )
    pairs = with_carriers(pair_table(matched), matched, policy)
    carried = carriers_summary(pairs, policy.threshold)
    grades = {"a": grade_counts(latents_a), "b": grade_counts(latents_b)}
    summary = summarise(
        matched,
        policy=policy,
        observed=observed,
        nulls=nulls,
        own=own,
        checks=[
            *_checks(matched, nulls, policy=policy),
            *check_saturated(latents_a, latents_b, policy.threshold),
            *check_carriers(carried, policy.threshold),
        ],
    ) | {"grades": grades}
    summary |= carried
    for view, found in summary["views"].items():
        both = zip("ab", (latents_a, latents_b), strict=True)
        found["latents"] = {side: latent_shares(latents, view) for side, latents in both}
    summary |= crosscoder_summary(latents_a, run_a, run_b)
    if unmatched := unmatched_subspaces(matched, policy):
        summary["unmatched"] = unmatched
    evidence: dict[str, pd.DataFrame] = {}
    if matched.runs.compares_firing:
        held_out = _held_out(matched.runs, policy)
        summary |= activation_findings(pairs, held_out, matched.matches[ACTIVATIONS])
        evidence |= firing_evidence(matched.runs, pairs, latents=(latents_a, latents_b))
        evidence |= {} if held_out is None else {"held_out": pair_rows(held_out)}
    if to_logits is not None:
        summary["unembedding"] = to_logits.source
        evidence |= logit_evidence(
            run_a, run_b, pairs, unembedding=to_logits, latents=(latents_a, latents_b)
        )
    sizes = denominators(matched.a.alive.n_alive, matched.b.alive.n_alive)
    return Comparison(
        summary=summary | {"answer": answer(summary)},
        latents_a=latents_a,
        latents_b=latents_b,
        pairs=pairs,
        curves=curve_table(observed, nulls, own, sizes),
        **evidence,
        matrices=_matrices(matched) if policy.matrix else {},
    )


def _checks(
    matched: MatchedPair, nulls: Sequence[NullStatistics], *, policy: Policy
) -> list[Check]:
    a, b = matched.a, matched.b
    checks = run_checks(
        a.dictionary,
        b.dictionary,
        alive=(a.alive, b.alive),
        partners={
            view: partner_numbers(a, b, match.matching) for view, match in matched.matches.items()
        },
        hashes=(a.sha256, b.sha256),
        align=policy.align,
    )
    room = {view: value for (view, of), value in nulls[0].mean.averages.items() if of == OWN_DRAW}
    if room:
        checks.append(check_room(nulls[0].name, room))
    return checks + check_recorded(matched.runs, nulls, policy.min_firing)


def _matrices(matched: MatchedPair) -> dict[str, Any]:
    return {
        view: whole_matrix(similarity, matched.a, matched.b)
        for view, similarity in matched.similarities.items()
    }


def _held_out(runs: RunSet, policy: Policy) -> tuple[Fold, Fold] | None:
    recorded = [part.recorded for part in runs.parts if part.recorded is not None]
    if not policy.held_out or runs.n_documents < 2 or runs.table is None:
        return None
    return cross_fit(
        recorded[0].codes,
        recorded[1].codes,
        runs.table.documents,
        measure=policy.measure,
        absolute=policy.absolute or None,
        min_firing=policy.min_firing,
        seed=policy.seed,
    )
