"""Whether the latents without a counterpart still span the same directions in both runs."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from jaxtyping import Int64

from universality.compute.devices import resolve_device
from universality.compute.workers import side_by_side
from universality.nulls.unrelated_spans import SpanAgreement, ranks_for, span_agreement
from universality.results.grades import ROUNDING
from universality.runs.matched import MatchedPair
from universality.runs.policy import Policy
from universality.runs.view_match import Partners

_FEWEST_LATENTS = 8


def unmatched_spans(matched: MatchedPair, policy: Policy) -> dict[str, dict[str, Any]]:
    """By view of directions: the energy of what is left in the other run's leading span, by rank.

    Left is what has no partner at the policy's threshold or above. Beside it stand random rotations
    and, up to 90 % unmatched, as many assigned pairs. A view in which fewer than eight latents are
    left in a run is absent, as is one of fewer than two dimensions.
    """
    views = list(matched.a.directions)
    device = resolve_device(policy.device)
    found = side_by_side(lambda view: _leftover(matched, view, policy), views, device)
    return {view: one for view, one in zip(views, found, strict=True) if one is not None}


def _leftover(matched: MatchedPair, view: str, policy: Policy) -> dict[str, Any] | None:
    rows, match = matched.a.directions[view], matched.matches[view]
    left = (left_over(match.of_a, policy.threshold), left_over(match.of_b, policy.threshold))
    sizes = [len(one) for one in left]
    if min(sizes) < _FEWEST_LATENTS or not ranks_for(rows.shape[1], min(sizes)):
        return None
    agreement = span_agreement(
        rows,
        matched.b.directions[view],
        (match.matching.a, match.matching.b),
        left,
        generator=torch.Generator().manual_seed(policy.seed),
    )
    counts = {"threshold": policy.threshold, "n_a": sizes[0], "n_b": sizes[1]}
    return counts | {"ranks": _by_rank(agreement)}


def left_over(partners: Partners, threshold: float) -> Int64[np.ndarray, " n_left"]:
    """Which latents have no partner at the threshold or above."""
    similarity = np.nan_to_num(partners.similarity, nan=-1.0)
    return np.flatnonzero(similarity < threshold - ROUNDING)


def _by_rank(found: SpanAgreement) -> list[dict[str, Any]]:
    columns = {
        "r": found.ranks,
        "energy": found.energy,
        "a_in_b": found.a_in_b,
        "b_in_a": found.b_in_a,
        "chance": found.chance,
        "chance_sd": found.chance_sd,
        "p": found.p,
    }
    if found.at_large is not None and found.at_large_sd is not None:
        columns |= {"at_large": found.at_large, "at_large_sd": found.at_large_sd}
    rows = zip(*(values.tolist() for values in columns.values()), strict=True)
    return [dict(zip(columns, row, strict=True)) for row in rows]
