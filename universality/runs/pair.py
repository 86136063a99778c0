"""Two runs and how their latents match: what nulls, checks and tables all start from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import final

import torch

from universality.alive import Alive, find_alive, find_firing
from universality.dictionary import Dictionary, View
from universality.encoding.streaming import count_firing
from universality.metrics import ViewMatch
from universality.runs.matrix import check_size
from universality.runs.policy import Policy
from universality.runs.recording import Activations, Recording, record
from universality.runs.views import (
    ACTIVATIONS,
    Side,
    choose_views,
    match_views,
    side,
    similarities_between,
)
from universality.similarity import Similarity


@final
@dataclass(frozen=True, eq=False)
class Matched:
    """Two runs, what they are compared by, and the matches of each view."""

    a: Side
    """The part of the first run that takes part."""
    b: Side
    """That of the second."""
    recording: Recording | None
    """Their codes over the same tokens; None without activations."""
    similarities: Mapping[str, Similarity]
    """By view."""
    matches: Mapping[str, ViewMatch]
    """By view."""


def match_runs(
    a: Dictionary,
    b: Dictionary,
    policy: Policy,
    *,
    device: torch.device,
    activations: Activations | Recording | None = None,
    codes: Path | None = None,
) -> Matched:
    """The latents of two runs that take part, matched in every view.

    Raises:
        InvalidInputError: the runs live in spaces of different width, the caches do not fit the
            runs or each other, or the policy does not fit them.
    """
    views = choose_views(a, b, policy.views, activations=activations is not None)
    recording = activations if isinstance(activations, Recording) else None
    if activations is not None and not isinstance(activations, Recording):
        recording = record(a, b, activations, device=device, codes=codes)
    side_a, side_b = _sides(a, b, views, policy=policy, recording=recording)
    if policy.matrix:
        check_size(side_a, side_b)
    similarities = similarities_between(
        side_a, side_b, measure=policy.measure, absolute=policy.absolute, device=device
    )
    matches = match_views(similarities, time_limit=policy.time_limit)
    return Matched(side_a, side_b, recording, similarities, matches)


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
