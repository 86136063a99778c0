"""Compare two runs: which latents of one exist in the other, and how sure that is."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from universality.checks import Check, run_checks
from universality.checks.nulls import check_room
from universality.comparison.answer import answer
from universality.comparison.cross_view import activation_findings
from universality.comparison.draws import draw_nulls
from universality.comparison.evidence import firing_evidence, logit_evidence, open_unembedding
from universality.comparison.latents import latent_tables
from universality.comparison.null_statistics import OWN_DRAW, NullStatistics
from universality.comparison.recording_checks import check_recording
from universality.comparison.summary import summarise
from universality.comparison.tables import curve_table, denominators, pair_table
from universality.comparison.unmatched import unmatched_subspaces
from universality.compute.devices import resolve_device
from universality.errors import InvalidInputError
from universality.evidence.held_out import Fold, cross_fit, pair_rows
from universality.loading import weights_hash
from universality.metrics import THRESHOLDS, measure
from universality.models.unembedding import Unembedding
from universality.results import Comparison
from universality.runs.matrix import whole_matrix
from universality.runs.opening import Run, open_runs
from universality.runs.pair import Matched, match_runs
from universality.runs.policy import Policy
from universality.runs.recording import Activations, Recording
from universality.runs.views import ACTIVATIONS, partner_numbers


def compare(
    a: Run,
    b: Run,
    policy: Policy | None = None,
    *,
    activations: Activations | None = None,
    codes: Path | None = None,
    unembedding: Unembedding | str | Path | None = None,
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

    Raises:
        InvalidInputError: the runs live in spaces of different width, the caches do not fit the
            runs or each other, or the policy does not fit them.
        MissingFileError, FormatError, UnsupportedError: as `load_unembedding`.
    """
    policy = policy or Policy()
    device = resolve_device(policy.device)
    run_a, run_b, recording = open_runs(a, b)
    if recording is not None and not (activations is None and unembedding is None):
        raise InvalidInputError(
            "caches of latents hold codes and no weights: leave out --activations and --unembedding"
        )
    to_logits = open_unembedding(unembedding, run_a, run_b, activations=activations)
    matched = match_runs(
        run_a, run_b, policy, device=device, activations=recording or activations, codes=codes
    )
    thresholds = sorted({*THRESHOLDS, policy.threshold})
    observed = measure(matched.matches, thresholds)
    nulls = draw_nulls(matched, policy, thresholds=thresholds, device=device)
    hashes = weights_hash(run_a), weights_hash(run_b)
    latents_a, latents_b = latent_tables(matched, nulls, policy=policy, device=device)
    pairs = pair_table(matched)
    summary = summarise(
        matched,
        hashes=hashes,
        policy=policy,
        observed=observed,
        nulls=nulls,
        checks=_checks(matched, nulls, hashes=hashes, policy=policy),
    )
    if unmatched := unmatched_subspaces(matched, policy, device):
        summary["unmatched"] = unmatched
    evidence: dict[str, pd.DataFrame] = {}
    if matched.recording is not None and ACTIVATIONS in matched.matches:
        held_out = _held_out(matched.recording, policy)
        summary |= activation_findings(pairs, held_out, matched.matches[ACTIVATIONS])
        evidence |= firing_evidence(matched.recording, pairs, latents=(latents_a, latents_b))
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
        curves=curve_table(observed, nulls, sizes),
        **evidence,
        matrices=_matrices(matched) if policy.matrix else {},
    )


def _checks(
    matched: Matched,
    nulls: Sequence[NullStatistics],
    *,
    hashes: tuple[str, str],
    policy: Policy,
) -> list[Check]:
    a, b = matched.a, matched.b
    checks = run_checks(
        a.dictionary,
        b.dictionary,
        alive=(a.alive, b.alive),
        partners={
            view: partner_numbers(a, b, match.matching) for view, match in matched.matches.items()
        },
        hashes=hashes,
    )
    room = {view: value for (view, of), value in nulls[0].mean.averages.items() if of == OWN_DRAW}
    if room:
        checks.append(check_room(nulls[0].name, room))
    if matched.recording is not None:
        checks += check_recording(a, b, matched.recording, nulls, policy.min_firing)
    return checks


def _matrices(matched: Matched) -> dict[str, Any]:
    return {
        view: whole_matrix(similarity, matched.a, matched.b)
        for view, similarity in matched.similarities.items()
    }


def _held_out(recording: Recording, policy: Policy) -> tuple[Fold, Fold] | None:
    if not policy.held_out or recording.n_documents < 2:
        return None
    return cross_fit(
        recording.a,
        recording.b,
        recording.table.documents,
        measure=policy.measure,
        absolute=True if policy.absolute else None,
        min_firing=policy.min_firing,
        seed=policy.seed,
    )
