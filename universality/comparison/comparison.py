"""Compare two runs: which latents of one exist in the other, and how sure that is."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from universality.alive import find_alive
from universality.checks import run_checks
from universality.comparison.null_statistics import NullStatistics, draw_null
from universality.comparison.policy import Policy
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
    Side,
    choose_views,
    cosines,
    match_views,
    own_nearest,
    partner_numbers,
    side,
)
from universality.comparison.words import answer
from universality.devices import resolve_device
from universality.dictionary import Dictionary
from universality.loading import load, weights_hash
from universality.metrics import THRESHOLDS, ViewMatch, measure
from universality.nulls.significance import nearest_p_values
from universality.results import Comparison


def compare(
    a: Dictionary | str | Path, b: Dictionary | str | Path, policy: Policy | None = None
) -> Comparison:
    """Which latents of two runs are the same, in each view, beside the null.

    Runs are dictionaries, or addresses that `load` understands. Latents with a zero row take no
    part. Needs memory for a dozen candidates per latent, never the whole matrix of similarities.

    Raises:
        InvalidInputError: the runs live in spaces of different width, or the policy does not fit
            them.
    """
    policy = policy or Policy()
    device = resolve_device(policy.device)
    run_a, run_b = (run if isinstance(run, Dictionary) else load(run) for run in (a, b))
    views = choose_views(run_a, run_b, policy.views)
    alive_a, alive_b = find_alive(run_a, run_b, policy.alive)
    side_a, side_b = side(run_a, alive_a, views), side(run_b, alive_b, views)
    thresholds = sorted({*THRESHOLDS, policy.threshold})

    similarities = cosines(
        side_a.directions, side_b.directions, absolute=policy.absolute, device=device
    )
    matches = match_views(similarities, time_limit=policy.time_limit)
    observed = measure(matches, thresholds)
    nulls = [
        draw_null(
            name,
            side_a.directions,
            side_b.directions,
            thresholds=thresholds,
            n_draws=policy.n_draws,
            absolute=policy.absolute,
            device=device,
            seed=policy.seed,
        )
        for name in policy.nulls
    ]
    hashes = weights_hash(run_a), weights_hash(run_b)
    checks = run_checks(
        run_a,
        run_b,
        alive=(alive_a, alive_b),
        partners={
            view: partner_numbers(side_a, side_b, match.matching) for view, match in matches.items()
        },
        hashes=hashes,
    )
    summary: dict[str, Any] = summarise(
        side_a,
        side_b,
        hashes=hashes,
        policy=policy,
        matches=matches,
        observed=observed,
        nulls=nulls,
        checks=checks,
    )
    latents_a, latents_b = _latent_tables(
        side_a, side_b, matches, nulls[0], absolute=policy.absolute, device=device
    )
    return Comparison(
        summary=summary | {"answer": answer(summary)},
        latents_a=latents_a,
        latents_b=latents_b,
        pairs=pair_table(side_a, side_b, similarities, matches),
        curves=curve_table(observed, nulls[0], denominators(alive_a.n_alive, alive_b.n_alive)),
    )


def _latent_tables(
    a: Side,
    b: Side,
    matches: Mapping[str, ViewMatch],
    null: NullStatistics,
    *,
    absolute: bool,
    device: torch.device,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    columns_a: dict[str, Columns] = {}
    columns_b: dict[str, Columns] = {}
    for view, match in matches.items():
        for columns, run, other, partners, rule in (
            (columns_a, a, b, match.of_a, "greedy_ab"),
            (columns_b, b, a, match.of_b, "greedy_ba"),
        ):
            rows = run.directions[view]
            columns[view] = view_columns(
                partners,
                other,
                own_nearest_similarity=own_nearest(rows, absolute=absolute, device=device),
                null_mean=null.mean.averages[view, f"{rule}.mean"],
                p_value=nearest_p_values(
                    null.name,
                    rows,
                    other.directions[view],
                    partners.near.nearest_similarity,
                    absolute=absolute,
                ),
            )
    return latent_table(a, columns_a), latent_table(b, columns_b)
