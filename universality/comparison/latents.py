"""What each view says of every latent of two runs: partners, margins, p-values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from universality.comparison.grading import with_grades
from universality.comparison.tables import (
    Columns,
    latent_table,
    significance_columns,
    target_decoy_columns,
    view_columns,
)
from universality.compute.devices import resolve_device
from universality.compute.workers import side_by_side
from universality.nulls.target_decoy import TargetDecoy, find_beyond_own
from universality.runs.between.own_runs import OwnRun
from universality.runs.between.surprise import SIDES, Side, Surprise, find_surprise
from universality.runs.chance import NullStatistics, first_null_of
from universality.runs.matched import MatchedPair
from universality.runs.policy import Policy
from universality.runs.view_match import is_large
from universality.similarity import Transposed


def latent_tables(
    matched: MatchedPair,
    nulls: Sequence[NullStatistics],
    own: Mapping[Side, OwnRun],
    *,
    policy: Policy,
) -> dict[Side, pd.DataFrame]:
    """One row per latent of a, and of b."""
    looks = [(side, view) for view in matched.matches for side in SIDES]
    surprise = find_surprise(matched, policy)

    def columns_of(look: tuple[Side, str]) -> Columns:
        return _columns(matched, nulls, own[look[0]], look, surprise.get(look), policy.seed)

    large = is_large(*matched.similarities.shape)
    columns = side_by_side(columns_of, looks, resolve_device(policy.device), large=large)
    found = dict(zip(looks, columns, strict=True))
    tables = {}
    for side in SIDES:
        run, _ = matched.sides(side)
        by_view = {view: found[side, view] for view in matched.matches}
        table = latent_table(run, by_view)
        tables[side] = with_grades(table, list(by_view), run.alive, threshold=policy.threshold)
    return tables


def _columns(
    matched: MatchedPair,
    nulls: Sequence[NullStatistics],
    own: OwnRun,
    look: tuple[Side, str],
    surprise: Surprise | None,
    seed: int,
) -> Columns:
    """One view, from the side of one run."""
    side, view = look
    run, other = matched.sides(side)
    n, partners = run.alive.n_alive, matched.matches[view].of(side)
    rule = {"a": "greedy_ab", "b": "greedy_ba"}[side]
    own_near = own.near(view, n)
    found = view_columns(
        partners,
        other,
        own_nearest=run.numbered(own_near.nearest),
        own_nearest_similarity=own_near.nearest_similarity,
        null_mean=first_null_of(view, nulls).mean.averages[view, f"{rule}.mean"],
    )
    found |= {} if surprise is None else significance_columns(surprise)
    beyond = _beyond_own(matched, own, look, seed) if n > 1 else None
    return found | target_decoy_columns(beyond, n)


def _beyond_own(
    matched: MatchedPair, own: OwnRun, look: tuple[Side, str], seed: int
) -> TargetDecoy:
    side, view = look
    run, _ = matched.sides(side)
    across, as_seen = matched.similarities[view], matched.runs.view(view)
    return find_beyond_own(
        across if side == "a" else Transposed(across),
        matched.matches[view].of(side).near,
        lambda: as_seen.between(run.traits, run.traits),
        own.near(view, run.alive.n_alive),
        seed=seed,
    )
