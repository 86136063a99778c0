"""What one draw of runs that share nothing gave, and several of them as one number."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any, final

import numpy as np

from universality.compute.norms import unit
from universality.runs.cycles import cycles_of
from universality.runs.drawn_match import match_traits
from universality.runs.metrics import Statistics, measure
from universality.runs.view_match import ViewMatch
from universality.runs.views import ACTIVATIONS, RowsByView, Traits, View

OWN_DRAW = "own_draw.cosine"
"""Median cosine of a row of b with its own draw: a null that leaves rows in place has no room."""


@final
@dataclass(frozen=True, eq=False)
class Drawn:
    """What one draw gave."""

    found: Statistics
    """Mean over the pairs of runs."""
    cycles: Mapping[str, float]
    """By rule; empty for two runs."""


def measured(
    views: Sequence[View],
    drawn: Sequence[Traits],
    thresholds: Sequence[float],
    *,
    beside: Mapping[str, ViewMatch] | None = None,
) -> Drawn:
    """What the runs of a draw have in common, in the mean over their pairs."""
    pairs = list(combinations(range(len(drawn)), 2))
    matched = {(i, j): match_traits(views, drawn[i], drawn[j]) for i, j in pairs}
    measured = [measure({**(beside or {}), **one}, thresholds) for one in matched.values()]
    cycles = cycles_of(matched, [one.n_latents for one in drawn]) if len(drawn) > 2 else {}
    return Drawn(measured[0] if len(measured) == 1 else over_draws(measured, np.mean), cycles)


def of_firing(drawn: Drawn) -> Drawn:
    """What it says of the activations view, alone or beside another."""
    found = drawn.found
    averages = {key: value for key, value in found.averages.items() if ACTIVATIONS in key[0]}
    shares = {key: value for key, value in found.shares.items() if ACTIVATIONS in key[0]}
    return replace(drawn, found=replace(found, averages=averages, shares=shares))


def with_room(drawn: Drawn, b: RowsByView, own: RowsByView, *, absolute: bool) -> Drawn:
    """With the median cosine of a row of b with its own draw: what the null leaves in place."""
    averages = dict(drawn.found.averages)
    for view, rows in b.items():
        cosine = (unit(rows) * unit(own[view]).to(rows.device)).sum(dim=1)
        averages[view, OWN_DRAW] = float((cosine.abs() if absolute else cosine).median())
    return replace(drawn, found=replace(drawn.found, averages=averages))


def views_apart(drawn: Drawn, joint: Drawn | None, views: RowsByView) -> Drawn:
    """What single views say, and what several say together from a draw of all, if there is one."""
    found, cycles = drawn.found, {rule: v for rule, v in drawn.cycles.items() if rule in views}
    averages = {key: value for key, value in found.averages.items() if key[0] in views}
    shares = {key: value for key, value in found.shares.items() if key[0] in views}
    if joint is not None:
        together = joint.found
        averages |= {key: value for key, value in together.averages.items() if key[0] not in views}
        shares |= {key: value for key, value in together.shares.items() if key[0] not in views}
        cycles |= {rule: value for rule, value in joint.cycles.items() if rule not in views}
    return Drawn(replace(found, averages=averages, shares=shares), cycles)


def over_draws(drawn: Sequence[Statistics], reduce: Callable[..., Any]) -> Statistics:
    """Each statistic of the draws that have it, reduced to one number."""
    first = drawn[0]
    averages = {
        key: float(reduce([one.averages[key] for one in drawn if key in one.averages]))
        for key in first.averages
    }
    shares = {
        key: np.asarray(reduce([one.shares[key] for one in drawn if key in one.shares], axis=0))
        for key in first.shares
    }
    return replace(first, averages=averages, shares=shares)


def as_arrays(drawn: Drawn) -> dict[str, np.ndarray]:
    """The draw as arrays that can be kept."""
    found = drawn.found
    return {
        **{f"average {view} {of}": np.array(value) for (view, of), value in found.averages.items()},
        **{f"share {view} {rule}": values for (view, rule), values in found.shares.items()},
        **{f"cycle {rule}": np.array(value) for rule, value in drawn.cycles.items()},
    }


def from_arrays(arrays: Mapping[str, np.ndarray], thresholds: Sequence[float]) -> Drawn:
    """The draw that was kept so."""
    averages: dict[tuple[str, str], float] = {}
    shares: dict[tuple[str, str], np.ndarray] = {}
    cycles: dict[str, float] = {}
    for name, values in arrays.items():
        match name.split():
            case ["average", view, of]:
                averages[view, of] = float(values)
            case ["share", view, rule]:
                shares[view, rule] = values
            case ["cycle", rule]:
                cycles[rule] = float(values)
    return Drawn(Statistics(tuple(thresholds), averages, shares), cycles)
