"""Whether the latents without a counterpart still span the same directions in both runs."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from jaxtyping import Bool
from torch import Tensor

from universality.compute.devices import resolve_device
from universality.compute.workers import side_by_side
from universality.geometry.subspaces import subspace_agreement
from universality.runs.matched import MatchedPair
from universality.runs.policy import Policy
from universality.runs.view_match import Partners

_MOST_DIMENSIONS = 64
_FEWEST_LATENTS = 8


def unmatched_subspaces(matched: MatchedPair, policy: Policy) -> dict[str, dict[str, Any]]:
    """By view of directions: the overlap of the top eigenspaces of what is left, beside its null.

    Left is what has no partner at the policy's threshold or above. The eigenspaces have d/4
    dimensions, at most 64, and at most a quarter as many as latents are left; a view in which
    fewer than eight are left in a run is absent. The null takes as many latents of each run at
    random. A few eigendecompositions, O(d^3) each.
    """
    views = list(matched.a.directions)
    device = resolve_device(policy.device)
    found = side_by_side(lambda view: _leftover(matched, view, policy), views, device)
    return {view: one for view, one in zip(views, found, strict=True) if one is not None}


def _leftover(matched: MatchedPair, view: str, policy: Policy) -> dict[str, Any] | None:
    rows, match = matched.a.directions[view], matched.matches[view]
    left = [_left(partners, policy.threshold) for partners in (match.of_a, match.of_b)]
    sizes = [int(one.sum()) for one in left]
    if min(sizes) < _FEWEST_LATENTS:
        return None
    agreement = subspace_agreement(
        rows,
        matched.b.directions[view],
        (left[0].to(rows.device), left[1].to(rows.device)),
        r=min(_MOST_DIMENSIONS, max(1, rows.shape[1] // 4), min(sizes) // 4),
        generator=torch.Generator().manual_seed(policy.seed),
        n_draws=policy.n_draws,
    )
    return {
        "threshold": policy.threshold,
        "n_a": sizes[0],
        "n_b": sizes[1],
        "r": agreement.r,
        "overlap": agreement.overlap,
        "null": agreement.null_overlap_mean,
        "null_sd": agreement.null_overlap_sd,
        "chance": agreement.chance,
    }


def _left(partners: Partners, threshold: float) -> Bool[Tensor, " n"]:
    matched = np.nan_to_num(partners.similarity, nan=-1.0) >= threshold
    return torch.from_numpy(~matched)
