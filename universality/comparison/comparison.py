"""Compare two runs: which latents of one exist in the other, and how sure that is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float64

from universality.alive import Alive, find_alive, find_firing
from universality.checks import run_checks
from universality.comparison.cross_view import activation_findings
from universality.comparison.matrix import check_size, whole_matrix
from universality.comparison.null_statistics import (
    NullStatistics,
    draw_null,
    draw_tokens_null,
    null_of,
)
from universality.comparison.policy import Policy
from universality.comparison.recording import Activations, Recording, check_recording, record
from universality.comparison.summary import summarise
from universality.comparison.tables import (
    Columns,
    curve_table,
    denominators,
    latent_table,
    pair_table,
    view_columns,
)
from universality.comparison.views import (
    ACTIVATIONS,
    Side,
    choose_views,
    match_views,
    own_nearest,
    partner_numbers,
    side,
    similarities_between,
)
from universality.comparison.words import answer
from universality.devices import resolve_device
from universality.dictionary import Dictionary, View
from universality.encoding.streaming import count_firing
from universality.evidence.contexts import pair_contexts
from universality.evidence.held_out import Fold, cross_fit, pair_rows
from universality.loading import load, weights_hash
from universality.metrics import THRESHOLDS, ViewMatch, measure
from universality.nulls.coincidence import activation_p_values
from universality.nulls.significance import nearest_p_values
from universality.results import Comparison


def compare(
    a: Dictionary | str | Path,
    b: Dictionary | str | Path,
    policy: Policy | None = None,
    *,
    activations: Activations | None = None,
    codes: Path | None = None,
) -> Comparison:
    """Which latents of two runs are the same, in each view, beside the null.

    Runs are dictionaries, or addresses that `load` understands. Latents with a zero row take no
    part. Needs memory for a dozen candidates per latent, never the whole matrix of similarities;
    with activations also for the nonzero codes, and up to 2 GB of rounded similarities.

    Args:
        a: The first run.
        b: The second run.
        policy: What was decided beforehand.
        activations: A cache, or one for each run where models or hooks differ; adds the view
            `activations`, and firing on its tokens decides which latents are alive.
        codes: Folder in which codes are kept, so that a repeated call need not encode again.

    Raises:
        InvalidInputError: the runs live in spaces of different width, the caches do not fit the
            runs or each other, or the policy does not fit them.
    """
    policy = policy or Policy()
    device = resolve_device(policy.device)
    run_a, run_b = (run if isinstance(run, Dictionary) else load(run) for run in (a, b))
    views = choose_views(run_a, run_b, policy.views, activations=activations is not None)
    recording = None
    if activations is not None:
        recording = record(run_a, run_b, activations, device=device, codes=codes)
    side_a, side_b = _sides(run_a, run_b, views, policy=policy, recording=recording)
    thresholds = sorted({*THRESHOLDS, policy.threshold})
    if policy.matrix:
        check_size(side_a, side_b)

    similarities = similarities_between(
        side_a, side_b, measure=policy.measure, absolute=policy.absolute, device=device
    )
    matches = match_views(similarities, time_limit=policy.time_limit)
    observed = measure(matches, thresholds)
    nulls = _draw_nulls(
        side_a, side_b, matches, recording, policy=policy, thresholds=thresholds, device=device
    )
    hashes = weights_hash(run_a), weights_hash(run_b)
    checks = run_checks(
        run_a,
        run_b,
        alive=(side_a.alive, side_b.alive),
        partners={
            view: partner_numbers(side_a, side_b, match.matching) for view, match in matches.items()
        },
        hashes=hashes,
    )
    if recording is not None:
        checks += check_recording(side_a, side_b, recording, nulls, policy.min_firing)
    summary: dict[str, Any] = summarise(
        side_a,
        side_b,
        hashes=hashes,
        policy=policy,
        recording=recording,
        matches=matches,
        observed=observed,
        nulls=nulls,
        checks=checks,
    )
    latents_a, latents_b = _latent_tables(
        side_a, side_b, matches, nulls, policy=policy, recording=recording, device=device
    )
    pairs = pair_table(side_a, side_b, similarities, matches)
    held_out, evidence = None, None
    if recording is not None and ACTIVATIONS in matches:
        held_out, evidence = _behind_pairs(recording, pairs, policy)
        summary |= activation_findings(pairs, held_out, matches[ACTIVATIONS])
    sizes = denominators(side_a.alive.n_alive, side_b.alive.n_alive)
    return Comparison(
        summary=summary | {"answer": answer(summary)},
        latents_a=latents_a,
        latents_b=latents_b,
        pairs=pairs,
        curves=curve_table(observed, nulls, sizes),
        held_out=held_out and pair_rows(held_out),
        evidence=evidence,
        matrices={
            view: whole_matrix(similarity, side_a, side_b)
            for view, similarity in (similarities if policy.matrix else {}).items()
        },
    )


def _sides(
    a: Dictionary,
    b: Dictionary,
    views: tuple[View, ...],
    *,
    policy: Policy,
    recording: Recording | None,
) -> tuple[Side, Side]:
    alive: tuple[Alive, ...]
    if recording is None:
        alive = find_alive(a, b, policy.alive)
        return side(a, alive[0], views), side(b, alive[1], views)
    wanted = policy.views is None or ACTIVATIONS in policy.views
    runs = ((a, recording.a), (b, recording.b))
    if policy.alive in ("auto", "firing"):
        alive = tuple(find_firing(run, codes, policy.min_firing) for run, codes in runs)
    else:
        alive = find_alive(a, b, policy.alive)
    sides = []
    for (run, codes), mine in zip(runs, alive, strict=True):
        counted = replace(run, firing=count_firing(codes, f"{codes.n_tokens} tokens"))
        sides.append(side(counted, mine, views, codes if wanted else None))
    return sides[0], sides[1]


def _draw_nulls(
    a: Side,
    b: Side,
    matches: Mapping[str, ViewMatch],
    recording: Recording | None,
    *,
    policy: Policy,
    thresholds: list[float],
    device: torch.device,
) -> list[NullStatistics]:
    nulls = [
        draw_null(
            name,
            a.directions,
            b.directions,
            thresholds=thresholds,
            n_draws=policy.draws_of(name),
            absolute=policy.absolute,
            device=device,
            seed=policy.seed,
        )
        for name in (policy.nulls if a.directions else ())
    ]
    if recording is not None and ACTIVATIONS in matches:
        tokens = draw_tokens_null(
            a,
            b,
            matches,
            recording.table.documents,
            thresholds=thresholds,
            n_draws=policy.n_draws,
            measure_of_codes=policy.measure,
            absolute=policy.absolute,
            seed=policy.seed,
        )
        nulls.append(tokens)
    return nulls


def _behind_pairs(
    recording: Recording, pairs: pd.DataFrame, policy: Policy
) -> tuple[tuple[Fold, Fold] | None, pd.DataFrame]:
    folds = None
    if policy.held_out:
        folds = cross_fit(
            recording.a,
            recording.b,
            recording.table.documents,
            measure=policy.measure,
            absolute=True if policy.absolute else None,
            min_firing=policy.min_firing,
            seed=policy.seed,
        )
    own = pairs[pairs["view"] == ACTIVATIONS].sort_values("similarity", ascending=False)
    evidence = pair_contexts(
        own, recording.a, recording.b, rows=recording.rows, cache=recording.caches[0]
    )
    return folds, evidence


def _latent_tables(
    a: Side,
    b: Side,
    matches: Mapping[str, ViewMatch],
    nulls: Sequence[NullStatistics],
    *,
    policy: Policy,
    recording: Recording | None,
    device: torch.device,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    columns_a: dict[str, Columns] = {}
    columns_b: dict[str, Columns] = {}
    for view, match in matches.items():
        null = null_of(view, nulls)
        for columns, run, other, partners, rule in (
            (columns_a, a, b, match.of_a, "greedy_ab"),
            (columns_b, b, a, match.of_b, "greedy_ba"),
        ):
            near = partners.near.nearest_similarity
            p_value = _p_values(
                view, run, other, near, null=null, policy=policy, recording=recording
            )
            columns[view] = view_columns(
                partners,
                other,
                own_nearest_similarity=own_nearest(
                    run, view, measure=policy.measure, absolute=policy.absolute, device=device
                ),
                null_mean=null.mean.averages[view, f"{rule}.mean"],
                p_value=p_value,
            )
    return latent_table(a, columns_a), latent_table(b, columns_b)


def _p_values(
    view: str,
    run: Side,
    other: Side,
    similarity: Float64[np.ndarray, " n_alive"],
    *,
    null: NullStatistics,
    policy: Policy,
    recording: Recording | None,
) -> Float64[np.ndarray, " n_alive"] | None:
    """How surprising each nearest similarity is; None for measures without a known answer."""
    if view in run.directions:
        rows, candidates = run.directions[view], other.directions[view]
        return nearest_p_values(null.name, rows, candidates, similarity, absolute=policy.absolute)
    if policy.measure != "pearson" or recording is None or run.codes is None or other.codes is None:
        return None
    return activation_p_values(
        run.codes, other.codes, similarity, recording.table.documents, absolute=policy.absolute
    )
