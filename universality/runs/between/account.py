"""The account of two runs: what every latent of one is in the other, groups and subspaces too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, final

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float64
from torch import Tensor

from universality.compute.norms import unit
from universality.errors import InvalidInputError
from universality.geometry.subspaces import Span, span_of
from universality.matching.groups import Group
from universality.nulls import geometry
from universality.nulls.group_chance import GroupsBesideChance, groups_beside_chance
from universality.results.grades import ROUNDING, account_column, account_counts, grade_column
from universality.runs.between.surprise import SIDES, Side
from universality.runs.between.unmatched import left_over
from universality.runs.matched import MatchedPair
from universality.runs.policy import Policy

GROUP_DRAWS = 19
"""Draws that are matched and grouped anew, at least: enough for a p-value of .05."""
_LEVEL = 0.05
_SPAN_SHARE = 16


@final
@dataclass(frozen=True, eq=False)
class Account:
    """What every latent is, by view of directions."""

    columns: dict[Side, dict[str, np.ndarray]]
    """Of the tables of latents: `account_<view>`, `group_<view>`, `inside_<view>`."""
    summary: dict[str, Any]
    """By view, for JSON."""


@final
@dataclass(frozen=True, eq=False)
class _LeadingSpan:
    """How far latents that are left lie in the leading span of what the other run has left."""

    rank: int
    cosines: dict[Side, Float64[np.ndarray, " n_left"]]
    drawn: dict[Side, float]
    """Share of a run's latents that reach the threshold when b is turned, mean over draws."""


def account_of(
    pair: MatchedPair,
    policy: Policy,
    latents: Mapping[Side, pd.DataFrame],
    spans: Mapping[str, Mapping[str, Any]],
) -> Account:
    """What becomes of every latent in each view of directions; the words add up to each run.

    `same`, and latents that take no part, keep their grade. Of the others, in this order: `group`,
    in a group that is above chance and whose spans agree, with a cosine to the span of the other
    side that reaches the threshold; `subspace`, with such a cosine to the leading d / 16 dimensions
    (a power of two) of what the other run has left, where these are above chance; else as graded.

    Each view costs `GROUP_DRAWS` draws or more, each a matching and a search for groups.

    Args:
        pair: The two runs, matched.
        policy: Threshold, draws, seed.
        latents: Their tables, graded.
        spans: By view, of `unmatched_spans`.

    Raises:
        InvalidInputError: the runs are compared by no view of directions.
    """
    if not pair.a.directions:
        raise InvalidInputError(
            "--groups accounts for latents by their directions, and these runs are compared by "
            "none: leave it out, or compare checkpoints by decoder or encoder"
        )
    columns: dict[Side, dict[str, np.ndarray]] = {side: {} for side in SIDES}
    summary = {}
    for view in pair.a.directions:
        beside = _groups(pair, view, policy)
        groups = beside.found(_LEVEL)
        span = _leading_span(pair, view, policy, spans.get(view))
        for side in SIDES:
            grades = latents[side][grade_column(view)].to_numpy(dtype=object)
            columns[side] |= _columns(pair, view, side, groups, span, grades, policy.threshold)
        counts = {side: account_counts(columns[side][account_column(view)]) for side in SIDES}
        summary[view] = counts | _about(beside, groups, span)
    return Account(columns, summary)


def _groups(pair: MatchedPair, view: str, policy: Policy) -> GroupsBesideChance:
    return groups_beside_chance(
        pair.a.directions[view],
        pair.b.directions[view],
        threshold=policy.threshold,
        n_draws=max(policy.n_draws, GROUP_DRAWS),
        seed=policy.seed,
        absolute=policy.absolute,
        progress=True,
    )


def _about(
    beside: GroupsBesideChance, groups: Sequence[Group], span: _LeadingSpan | None
) -> dict[str, Any]:
    p_of = {id(group): float(p) for group, p in zip(beside.groups, beside.p, strict=True)}
    return {
        "n_draws": len(beside.best_of_draws),
        "groups_in_a_draw": beside.agreeing_in_draws,
        "groups": [
            {
                "n_a": len(group.a),
                "n_b": len(group.b),
                "n_pairs": len(group.pairs[0]),
                "cosine": group.cosine,
                "score": group.score,
                "p": p_of[id(group)],
            }
            for group in groups
        ],
        "subspace_rank": None if span is None else span.rank,
        "subspace_in_a_draw": dict.fromkeys(SIDES, 0.0) if span is None else span.drawn,
    }


def _columns(
    pair: MatchedPair,
    view: str,
    side: Side,
    groups: Sequence[Group],
    span: _LeadingSpan | None,
    grades: np.ndarray,
    threshold: float,
) -> dict[str, np.ndarray]:
    run, _ = pair.sides(side)
    n = run.alive.n_alive
    group, inside = np.full(n, -1, dtype=np.int64), np.full(n, np.nan)
    spanned = np.zeros(n, dtype=bool)
    for number, one in enumerate(groups):
        rows, reach = {"a": (one.a, one.reach_a), "b": (one.b, one.reach_b)}[side]
        group[rows], inside[rows] = number, reach
    if span is not None:
        left = left_over(pair.matches[view].of(side), threshold)
        spanned[left] = span.cosines[side] >= threshold - ROUNDING
    lifted = [
        run.column(np.nan_to_num(inside, nan=-1.0) >= threshold - ROUNDING),
        run.column(spanned),
    ]
    found = np.where(grades == "same", "same", np.select(lifted, ["group", "subspace"], grades))
    return {
        account_column(view): found.astype(object),
        f"group_{view}": run.column(group),
        f"inside_{view}": run.column(inside),
    }


def _leading_span(
    pair: MatchedPair, view: str, policy: Policy, found: Mapping[str, Any] | None
) -> _LeadingSpan | None:
    """None where the leading span of what is left is not above chance, or too little is left."""
    rows = {side: pair.sides(side)[0].directions[view] for side in SIDES}
    rank = 1 << max(0, (rows["a"].shape[1] // _SPAN_SHARE).bit_length() - 1)
    above = [] if found is None else [one["r"] for one in found["ranks"] if one["p"] <= _LEVEL]
    if rank not in above:
        return None
    places = {side: left_over(pair.matches[view].of(side), policy.threshold) for side in SIDES}
    left = {side: unit(rows[side])[torch.from_numpy(places[side])].double() for side in SIDES}
    spans = {side: span_of(left[side]) for side in SIDES}
    generator = torch.Generator().manual_seed(policy.seed)
    fitted, shares = geometry.fit(rows["b"]), []
    for _ in range(max(policy.n_draws, GROUP_DRAWS)):
        turn = geometry.draw_map(fitted, generator=generator).to(left["b"])
        drawn = _cosines(left, spans, rank, turn)
        reached = {side: (drawn[side] >= policy.threshold - ROUNDING).sum() for side in SIDES}
        shares.append([reached[side] / len(rows[side]) for side in SIDES])
    means = dict(zip(SIDES, np.mean(shares, axis=0).tolist(), strict=True))
    return _LeadingSpan(rank, _cosines(left, spans, rank, None), means)


def _cosines(
    rows: Mapping[Side, Tensor], spans: Mapping[Side, Span], rank: int, turn: Tensor | None
) -> dict[Side, np.ndarray]:
    """Of each row with the leading span of the other side, after b is turned."""
    of_a, of_b = (spans[side].axes[:, :rank] for side in SIDES)
    if turn is not None:
        of_a, of_b = turn @ of_a, turn.T @ of_b
    found = {"a": rows["a"] @ of_b, "b": rows["b"] @ of_a}
    return {side: found[side].norm(dim=1).cpu().numpy() for side in SIDES}
