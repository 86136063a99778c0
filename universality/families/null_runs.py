"""What three runs without anything in common give: the null of every many-run statistic."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TypeAlias, final

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from universality.comparison.policy import Policy
from universality.comparison.views import cosines
from universality.devices import resolve_device
from universality.families.cycles import cycle_table
from universality.families.matched_runs import Link, MatchedRuns, agreeing, stack
from universality.families.pair_statistics import agreement_table, mean_table, share_table
from universality.families.run_set import RunSet
from universality.matching import assign
from universality.nulls.null import find_null
from universality.nulls.plan import (
    DrawPlan,
    carry_mean,
    carry_share,
    mean_cosine,
    plan_draws,
    subsample,
)

BOTH = "decoder_and_encoder"
"""The rule under which a pair counts when both views name it."""


_Statistic: TypeAlias = tuple[str, str, float | None]


@final
@dataclass(frozen=True, eq=False)
class RunsNull:
    """Statistics of unrelated runs; whatever the null does not cover is missing from it."""

    name: str
    """Name of the null."""
    description: str
    """How it was drawn, in a sentence."""
    mean: Mapping[str, float]
    """Mean similarity of assigned pairs, by view."""
    share: Mapping[tuple[str, float | None], float]
    """Probability that a latent is found in another run, by rule and threshold."""
    cycle: Mapping[str, float]
    """Cycle consistency, by rule."""
    agreement: float | None
    """Decoder-encoder agreement; None where either view is missing."""


def draw_null(
    runs: RunSet, group: Sequence[int], policy: Policy, thresholds: Sequence[float]
) -> RunsNull:
    """Three independent runs with the geometry of three of these, drawn a few times.

    Each run is replaced by a draw of its own, so pairs and triples share nothing. Wide runs are
    drawn narrower and the shares carried to the full width; cycle consistency and agreement fall
    with width, so theirs are upper bounds. Directions only: activations have no null here.
    """
    null = find_null(policy.nulls[0])
    generator = torch.Generator().manual_seed(policy.seed)
    three = [runs.sides[group[k % len(group)]].directions for k in range(3)]
    sizes = [len(next(iter(rows.values()))) for rows in three if rows]
    if not sizes:
        return RunsNull("none", "no directions to draw a null from", {}, {}, {}, None)
    plan = plan_draws(max(sizes), max(sizes), n_draws=3 * policy.n_draws)
    drawn = []
    for _ in tqdm(range(policy.n_draws), desc=f"null: {null.name}", leave=False, disable=None):
        parts = [subsample(rows, plan.n_a, generator=generator) for rows in three]
        turned = [null.draw(part, part, generator=generator)[1] for part in parts]
        drawn.append(_measure(_match(turned, policy), thresholds))
    mean = {key: float(np.mean([one[key] for one in drawn])) for key in drawn[0]}
    return RunsNull(
        name=null.name,
        description=f"{policy.n_draws} draws of three unrelated runs ({null.description}) with "
        f"{plan.n_a:,} of {plan.full_n_a:,} latents; the spectrum takes a latent's chances in "
        "different runs as independent",
        mean={
            key[1]: _at_full_width(value, [rows[key[1]] for rows in three], plan, policy)
            for key, value in mean.items()
            if key[0] == "mean"
        },
        share={
            (key[1], key[2]): float(carry_share(value, n=(plan.n_a, plan.full_n_a)))
            for key, value in mean.items()
            if key[0] == "share"
        },
        cycle={key[1]: value for key, value in mean.items() if key[0] == "cycle"},
        agreement=mean.get(("agreement", BOTH, None)),
    )


def random_assignments(matched: Mapping[str, MatchedRuns]) -> RunsNull:
    """Assignments drawn uniformly and independently: exact, for files without weights."""
    n = min(min(one.sizes) for one in matched.values())
    share: dict[tuple[str, float | None], float] = {(view, None): 1.0 for view in matched}
    if {"decoder", "encoder"} <= set(matched):
        share[BOTH, None] = 1 / n
    return RunsNull(
        name="random assignments",
        description="assignments drawn uniformly and independently, exact",
        mean={},
        share=share,
        cycle=dict.fromkeys(matched, 1 / n),
        agreement=1 / n if (BOTH, None) in share else None,
    )


def _at_full_width(value: float, rows: list[Tensor], plan: DrawPlan, policy: Policy) -> float:
    location = 0.0 if policy.absolute else mean_cosine(rows[0], rows[1])
    n, d = (plan.n_a, plan.full_n_a), rows[0].shape[1]
    return carry_mean(value, location=location, d=d, n=n, absolute=policy.absolute)


def _match(runs: Sequence[Mapping[str, Tensor]], policy: Policy) -> dict[str, MatchedRuns]:
    device = resolve_device(policy.device)
    names = [str(number) for number in range(len(runs))]
    links: dict[str, dict[tuple[int, int], Link]] = {view: {} for view in runs[0]}
    for i, j in combinations(range(len(runs)), 2):
        found = cosines(runs[i], runs[j], absolute=policy.absolute, device=device)
        for view, similarity in found.items():
            matching = assign(similarity, time_limit=policy.time_limit, progress=False)
            links[view][i, j] = Link(matching.a, matching.b, matching.similarity)
    alive = [np.ones(len(next(iter(run.values()))), dtype=bool) for run in runs]
    matched = {view: stack(names, alive, links[view]) for view in links}
    if {"decoder", "encoder"} <= set(matched):
        matched[BOTH] = agreeing(matched["decoder"], matched["encoder"])
    return matched


def _measure(
    matched: Mapping[str, MatchedRuns], thresholds: Sequence[float]
) -> dict[_Statistic, float]:
    found: dict[_Statistic, float] = {}
    for rule, one in matched.items():
        cycles = cycle_table(one)
        followed = int(cycles["followed"].sum())
        found["cycle", rule, None] = int(cycles["consistent"].sum()) / followed if followed else 0.0
        if rule != BOTH:
            found["mean", rule, None] = float(mean_table(one)["value"].mean())
        for threshold in thresholds:
            found["share", rule, threshold] = float(share_table(one, threshold)["value"].mean())
    if BOTH in matched:
        table = agreement_table(matched["decoder"], matched["encoder"])
        found["agreement", BOTH, None] = float(table["value"].mean())
    return found
