"""How surprising the nearest latent of the other run is: p-values, or bounds on them, by view."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias, final

import numpy as np
from jaxtyping import Bool, Float64

from universality.compute.devices import resolve_device
from universality.compute.workers import side_by_side
from universality.nulls.coincidence import activation_p_bounds
from universality.nulls.significance import nearest_p_values, q_values, without_siblings
from universality.runs.matched import MatchedPair
from universality.runs.policy import Policy
from universality.runs.view_match import is_large
from universality.runs.views import ACTIVATIONS
from universality.storage.kept import PairStore, kept

Side: TypeAlias = Literal["a", "b"]

SIDES: tuple[Side, Side] = ("a", "b")
"""The two runs of a pair."""

FALSE_DISCOVERY_RATE = 0.05
"""A latent is flagged `above_chance` when its q-value is at most this."""


@final
@dataclass(frozen=True, eq=False)
class Surprise:
    """How surprising each latent's nearest is, in one view."""

    p: Float64[np.ndarray, " n"]
    """The p-value of its similarity, or a bound on it."""
    is_bound: bool
    """Whether it is a bound, which may say nothing: NaN there."""
    mutual: Bool[np.ndarray, " n"]
    """Whether the latent is the nearest of its nearest."""

    @property
    def alone(self) -> Float64[np.ndarray, " n"]:
        """P-values of a counterpart that no sibling explains; NaN where nothing is known."""
        return without_siblings(self.p, self.mutual)


def find_surprise(pair: MatchedPair, policy: Policy) -> Mapping[tuple[Side, str], Surprise]:
    """By side and view, for all views of directions and for correlations of activations."""
    looks = [(side, view) for view in pair.matches for side in SIDES]
    bounds = _activation_bounds(pair, policy)

    def p_of(look: tuple[Side, str]) -> Float64[np.ndarray, " n_alive"] | None:
        side, view = look
        return bounds.get(side) if view == ACTIVATIONS else _p_values(pair, side, view, policy)

    large = is_large(*pair.similarities.shape)
    found = side_by_side(p_of, looks, resolve_device(policy.device), large=large)
    return {
        (side, view): Surprise(p, view == ACTIVATIONS, pair.matches[view].of(side).mutual)
        for (side, view), p in zip(looks, found, strict=True)
        if p is not None
    }


def kept_surprise(
    pair: MatchedPair, policy: Policy, store: PairStore | None
) -> dict[tuple[Side, str], Float64[np.ndarray, " _"]]:
    """By side and view, the p-values of a counterpart that no sibling explains; kept in a store."""

    def made() -> dict[str, np.ndarray]:
        return {
            f"{side} {view}": one.alone for (side, view), one in find_surprise(pair, policy).items()
        }

    key = f"surprise/{policy.nulls[0]}/{pair.digest(policy)}" if store else ""
    found = kept(store, key, made)
    return {
        (side, view): found[f"{side} {view}"]
        for side in SIDES
        for view in pair.matches
        if f"{side} {view}" in found
    }


def above_chance(p: Float64[np.ndarray, " n"]) -> tuple[np.ndarray, np.ndarray]:
    """Q-values, and which are above chance; NaN where p is, counted as 1 among the others."""
    silent = np.isnan(p)
    q_value = q_values(np.where(silent, 1.0, p))
    above = q_value <= FALSE_DISCOVERY_RATE
    if silent.any():
        return np.where(silent, np.nan, q_value), np.where(silent, np.nan, above)
    return q_value, above


def _p_values(
    pair: MatchedPair, side: Side, view: str, policy: Policy
) -> Float64[np.ndarray, " n_alive"] | None:
    """Nothing for directions that went through a fitted map, of which no null has an exact form."""
    run, other = pair.sides(side)
    if view not in run.directions or pair.runs.fitted is not None:
        return None
    return nearest_p_values(
        policy.nulls[0],
        run.directions[view],
        other.directions[view],
        pair.matches[view].of(side).near.nearest_similarity,
        absolute=policy.absolute,
    )


def _activation_bounds(
    pair: MatchedPair, policy: Policy
) -> Mapping[Side, Float64[np.ndarray, " n_alive"]]:
    """How surprising each nearest correlation can be at most, by run; of other measures nothing."""
    a, b, table = pair.a.codes, pair.b.codes, pair.runs.table
    if policy.measure != "pearson" or not pair.runs.compares_firing:
        return {}
    assert a is not None
    assert b is not None
    assert table is not None
    match = pair.matches[ACTIVATIONS]
    nearest = match.near_a, match.near_b
    found = activation_p_bounds(a, b, nearest, table.documents, absolute=policy.absolute)
    return dict(zip(SIDES, found, strict=True))
