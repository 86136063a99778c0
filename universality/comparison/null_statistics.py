"""The same statistics on runs that have nothing in common: their mean and spread over draws."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, final

import numpy as np
import torch
from jaxtyping import Int
from tqdm import tqdm

from universality.codes import rearrange_tokens
from universality.compute.workers import side_by_side
from universality.metrics import Statistics, ViewMatch, measure
from universality.nulls import isotropic
from universality.nulls.null import NULLS, find_null
from universality.nulls.plan import (
    DrawPlan,
    carry_mean,
    carry_share,
    mean_cosine,
    plan_draws,
    subsample,
)
from universality.nulls.tokens import permute_windows
from universality.runs.views import (
    ACTIVATIONS,
    Directions,
    Side,
    code_similarity,
    cosines,
    match_views,
)
from universality.similarity.measures import Measure

OWN_DRAW = "own_draw.cosine"
"""Median cosine of a row of b with its own draw: a null that leaves rows in place has no room."""


@final
@dataclass(frozen=True, eq=False)
class NullStatistics:
    """Statistics of one null over its draws, or exact where a closed form exists."""

    name: str
    """Name of the null."""
    plan: DrawPlan
    """Number of pairs of runs drawn, and their width."""
    mean: Statistics
    """Mean over draws, carried to the full width where they are narrower; exact for the
    isotropic null's greedy averages and shares."""
    sd: Statistics
    """Sample standard deviation of a single draw."""

    @property
    def version(self) -> int:
        """Of the way it is drawn."""
        return NULLS[self.name].version if self.name in NULLS else 1


def draw_direction_nulls(
    n_draws: Mapping[str, int],
    a: Directions,
    b: Directions,
    *,
    thresholds: Sequence[float],
    absolute: bool,
    device: torch.device,
    seed: int,
) -> list[NullStatistics]:
    """Statistics of each null, drawn so often, for runs with the shapes and geometry of a and b.

    Where a null mixes views, those of single views are from draws of each by itself, and those of
    two views together from half as many draws of both.
    """
    n_a, n_b = (next(iter(run.values())).shape[0] for run in (a, b))
    plans = {name: plan_draws(n_a, n_b, n_draws=n) for name, n in n_draws.items()}

    def found_in(
        drawn: tuple[Directions, Directions], plan: DrawPlan, generator: torch.Generator
    ) -> Statistics:
        similarities = cosines(
            subsample(drawn[0], plan.n_a, generator=generator),
            subsample(drawn[1], plan.n_b, generator=generator),
            absolute=absolute,
            device=device,
        )
        return measure(match_views(similarities), thresholds)

    def draw(of: tuple[int, str]) -> Statistics:
        number, name = of
        null, plan = find_null(name), plans[name]
        generator = torch.Generator().manual_seed(seeds[number])
        each = null.draw_each_view(a, b, generator=generator)
        found = _with_room(found_in(each, plan, generator), b, each[1], absolute=absolute)
        if not null.mixes_views or len(a) == 1:
            return found
        joint = None
        if number < max(2, plan.n_draws // 2):
            joint = found_in(null.draw(a, b, generator=generator), plan, generator)
        return _views_apart(found, joint, views=a)

    seeds = np.random.SeedSequence(seed).generate_state(max(n_draws.values())).tolist()
    # One draw of each null in turn: what the draws of one share is prepared beside another's.
    order = sorted((number, name) for name, n in n_draws.items() for number in range(n))
    found = side_by_side(draw, order, device)
    drawn: dict[str, list[Statistics]] = {name: [] for name in n_draws}
    for (_, name), one in zip(
        order, tqdm(found, "nulls", len(order), leave=False, disable=None), strict=True
    ):
        drawn[name].append(one)
    return [
        _null_statistics(name, plans[name], drawn[name], a, b, absolute=absolute)
        for name in n_draws
    ]


def draw_tokens_null(
    a: Side,
    b: Side,
    matches: Mapping[str, ViewMatch],
    documents: Int[np.ndarray, " n_tokens"],
    *,
    thresholds: Sequence[float],
    n_draws: int,
    measure_of_codes: Measure,
    absolute: bool,
    seed: int,
) -> NullStatistics:
    """What is left in the activations view when the codes of b belong to other tokens.

    Views of directions stay as they were matched, so that agreement with them is by chance.
    """
    assert a.codes is not None
    assert b.codes is not None
    generator = torch.Generator().manual_seed(seed)
    drawn = []
    for _ in tqdm(range(n_draws), desc="null: tokens", leave=False, disable=None):
        rows_a, rows_b = permute_windows(documents, generator=generator)
        similarity = code_similarity(
            rearrange_tokens(a.codes, rows_a),
            rearrange_tokens(b.codes, rows_b),
            measure=measure_of_codes,
            absolute=absolute,
        )
        found = {**matches, **match_views({ACTIVATIONS: similarity})}
        drawn.append(_of_activations(measure(found, thresholds)))
    n_a, n_b = a.alive.n_alive, b.alive.n_alive
    return NullStatistics(
        name="tokens",
        plan=DrawPlan(n_draws, n_a, n_b, n_a, n_b),
        mean=over_draws(drawn, np.mean),
        sd=over_draws(drawn, partial(np.std, ddof=1)),
    )


def null_of(view: str, nulls: Sequence[NullStatistics]) -> NullStatistics:
    """The first null that says something of a view."""
    return next(null for null in nulls if (view, "assignment.mean") in null.mean.averages)


def _null_statistics(
    name: str,
    plan: DrawPlan,
    drawn: Sequence[Statistics],
    a: Directions,
    b: Directions,
    *,
    absolute: bool,
) -> NullStatistics:
    mean, sd = over_draws(drawn, np.mean), over_draws(drawn, partial(np.std, ddof=1))
    if find_null(name).mixes_views and len(a) > 1:
        plan = replace(plan, note="each view by itself")
    if plan.subsampled:
        mean = _carried(mean, plan, a, b, absolute=absolute)
    if name == "isotropic":
        mean = _with_closed_forms(mean, a, b, absolute=absolute)
    return NullStatistics(name=name, plan=plan, mean=mean, sd=sd)


def _of_activations(found: Statistics) -> Statistics:
    averages = {key: value for key, value in found.averages.items() if ACTIVATIONS in key[0]}
    shares = {key: value for key, value in found.shares.items() if ACTIVATIONS in key[0]}
    return replace(found, averages=averages, shares=shares)


def _with_room(
    found: Statistics, b: Directions, drawn: Directions, *, absolute: bool
) -> Statistics:
    """With the median cosine of a row of b with its own draw: what the null leaves in place."""
    averages = dict(found.averages)
    for view, rows in b.items():
        cosine = torch.cosine_similarity(rows.float(), drawn[view].to(rows.device).float(), dim=1)
        averages[view, OWN_DRAW] = float((cosine.abs() if absolute else cosine).median())
    return replace(found, averages=averages)


def _views_apart(found: Statistics, joint: Statistics | None, views: Directions) -> Statistics:
    """What single views say, and what several say together from a draw of all, if there is one."""
    averages = {key: value for key, value in found.averages.items() if key[0] in views}
    shares = {key: value for key, value in found.shares.items() if key[0] in views}
    if joint is not None:
        averages |= {key: value for key, value in joint.averages.items() if key[0] not in views}
        shares |= {key: value for key, value in joint.shares.items() if key[0] not in views}
    return replace(found, averages=averages, shares=shares)


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


def _candidates(n_a: int, n_b: int) -> dict[str, int]:
    """Among how many latents each rule finds a partner."""
    return {"greedy_ab": n_b, "greedy_ba": n_a, "assignment": max(n_a, n_b)}


def _carried(
    drawn: Statistics, plan: DrawPlan, a: Directions, b: Directions, *, absolute: bool
) -> Statistics:
    averages, shares = dict(drawn.averages), dict(drawn.shares)
    narrow = _candidates(plan.n_a, plan.n_b)
    for rule, full in _candidates(plan.full_n_a, plan.full_n_b).items():
        n = (narrow[rule], full)
        for view in a:
            averages[view, f"{rule}.mean"] = carry_mean(
                averages[view, f"{rule}.mean"],
                location=0.0 if absolute else mean_cosine(a[view], b[view]),
                d=a[view].shape[1],
                n=n,
                absolute=absolute,
            )
            shares[view, rule] = carry_share(shares[view, rule], n=n)
    return replace(drawn, averages=averages, shares=shares)


def _with_closed_forms(
    drawn: Statistics, a: Directions, b: Directions, *, absolute: bool
) -> Statistics:
    averages, shares = dict(drawn.averages), dict(drawn.shares)
    for view in a:
        d = a[view].shape[1]
        for rule, n in (("greedy_ab", len(b[view])), ("greedy_ba", len(a[view]))):
            averages[view, f"{rule}.mean"] = isotropic.mean_of_maximum(d, n, absolute=absolute)
            exceedance = [
                isotropic.exceedance(threshold, d, n, absolute=absolute)
                for threshold in drawn.thresholds
            ]
            shares[view, rule] = np.array(exceedance)
    return replace(drawn, averages=averages, shares=shares)
