"""What each view says of every latent of two runs: partners, margins, p-values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, final

import numpy as np
import pandas as pd
from jaxtyping import Float64, Int64

from universality.comparison.grading import with_grades
from universality.comparison.own_runs import OwnRuns
from universality.comparison.tables import (
    Columns,
    latent_table,
    significance_columns,
    target_decoy_columns,
    view_columns,
)
from universality.compute.devices import resolve_device
from universality.compute.workers import side_by_side
from universality.nulls.coincidence import activation_p_bounds
from universality.nulls.significance import nearest_p_values
from universality.nulls.target_decoy import TargetDecoy, find_beyond_own
from universality.runs.chance import NullStatistics, first_null_of
from universality.runs.metrics import Partners
from universality.runs.pair import MatchedPair, is_large
from universality.runs.part import RunPart
from universality.runs.policy import Policy
from universality.runs.views import ACTIVATIONS
from universality.similarity import Transposed

_RUNS: tuple[Literal["a"], Literal["b"]] = ("a", "b")


def latent_tables(
    matched: MatchedPair, nulls: Sequence[NullStatistics], own: OwnRuns, *, policy: Policy
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """One row per latent of a, and of b."""
    looks = [_look(matched, nulls, own, view, of=run) for view in matched.matches for run in _RUNS]
    bounds = _activation_bounds(matched, policy)

    def columns_of(look: _Look) -> Columns:
        bound = bounds.get(look.of) if look.view == ACTIVATIONS else None
        return _columns(look, matched, policy, p_bound=bound)

    large = any(is_large(look.run.alive.n_alive, look.other.alive.n_alive) for look in looks)
    columns = side_by_side(columns_of, looks, resolve_device(policy.device), large=large)
    found: dict[str, dict[str, Columns]] = {"a": {}, "b": {}}
    for look, one in zip(looks, columns, strict=True):
        found[look.of][look.view] = one
    views = list(matched.matches)
    first, second = (
        with_grades(latent_table(run, found[of]), views, run.alive, threshold=policy.threshold)
        for of, run in zip(_RUNS, (matched.a, matched.b), strict=True)
    )
    return first, second


@final
@dataclass(frozen=True, eq=False)
class _Look:
    """One view, from the side of one run."""

    view: str
    """Its name."""
    of: Literal["a", "b"]
    """Whose latents are looked at."""
    run: RunPart
    """That run."""
    other: RunPart
    """The other one."""
    partners: Partners
    """What was found for the latents of the run."""
    nearest_of_other: Int64[np.ndarray, " n_other"]
    """The nearest latent of the run, for each of the other."""
    own_nearest: Float64[np.ndarray, " n_run"]
    """Similarity of each latent of the run to the nearest other of the run; NaN for a lone one."""
    null: NullStatistics
    """The null that belongs to the view."""

    @property
    def null_mean(self) -> float:
        """Mean similarity to the nearest latent by chance."""
        rule = {"a": "greedy_ab", "b": "greedy_ba"}[self.of]
        return self.null.mean.averages[self.view, f"{rule}.mean"]


def _look(
    matched: MatchedPair,
    nulls: Sequence[NullStatistics],
    own: OwnRuns,
    view: str,
    *,
    of: Literal["a", "b"],
) -> _Look:
    match = matched.matches[view]
    run, other = (matched.a, matched.b) if of == "a" else (matched.b, matched.a)
    mine, theirs = (match.of_a, match.of_b) if of == "a" else (match.of_b, match.of_a)
    return _Look(
        view=view,
        of=of,
        run=run,
        other=other,
        partners=mine,
        nearest_of_other=theirs.near.nearest,
        own_nearest=own.nearest(of, view, run.alive.n_alive),
        null=first_null_of(view, nulls),
    )


def _columns(
    look: _Look,
    matched: MatchedPair,
    policy: Policy,
    *,
    p_bound: Float64[np.ndarray, " n_alive"] | None,
) -> Columns:
    n = look.run.alive.n_alive
    mutual = look.nearest_of_other[look.partners.near.nearest] == np.arange(n)
    found = view_columns(
        look.partners,
        look.other,
        own_nearest_similarity=look.own_nearest,
        null_mean=look.null_mean,
        mutual=mutual,
    )
    found |= significance_columns(mutual, p_value=_p_values(look, policy), p_bound=p_bound)
    beyond = _beyond_own(look, matched, policy.seed) if n > 1 else None
    return found | target_decoy_columns(beyond, n)


def _beyond_own(look: _Look, matched: MatchedPair, seed: int) -> TargetDecoy:
    across, view = matched.similarities[look.view], matched.runs.view(look.view)
    return find_beyond_own(
        across if look.of == "a" else Transposed(across),
        look.partners.near,
        lambda: view.between(look.run.traits, look.run.traits),
        look.own_nearest,
        seed=seed,
    )


def _p_values(look: _Look, policy: Policy) -> Float64[np.ndarray, " n_alive"] | None:
    """How surprising each nearest similarity of directions is; None for other views."""
    if look.view not in look.run.directions:
        return None
    return nearest_p_values(
        look.null.name,
        look.run.directions[look.view],
        look.other.directions[look.view],
        look.partners.near.nearest_similarity,
        absolute=policy.absolute,
    )


def _activation_bounds(
    matched: MatchedPair, policy: Policy
) -> Mapping[str, Float64[np.ndarray, " n_alive"]]:
    """How surprising each nearest correlation can be at most, by run; of other measures nothing."""
    a, b, runs = matched.a.codes, matched.b.codes, matched.runs
    if policy.measure != "pearson" or not runs.compares_firing:
        return {}
    assert a is not None
    assert b is not None
    assert runs.table is not None
    match = matched.matches[ACTIVATIONS]
    nearest = match.candidates.of_a, match.candidates.of_b
    found = activation_p_bounds(a, b, nearest, runs.table.documents, absolute=policy.absolute)
    return dict(zip(_RUNS, found, strict=True))
