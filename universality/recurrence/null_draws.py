"""Draws of three runs that have nothing in common, and what the same statistics find in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import TypeAlias

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from universality.codes import Codes, rearrange_tokens
from universality.compute.devices import resolve_device
from universality.matching import assign
from universality.nulls.null import Draw, find_null
from universality.nulls.plan import (
    DrawPlan,
    carry_mean,
    carry_share,
    mean_cosine,
    plan_draws,
    subsample,
)
from universality.nulls.tokens import permute_windows
from universality.recurrence.certainty.pair_statistics import (
    agreement_table,
    mean_table,
    share_table,
)
from universality.recurrence.families.cycles import cycle_table
from universality.recurrence.null_runs import BOTH, Found, RunsNull, joined, null_from
from universality.runs.matches import Link, MatchedRuns, agreeing, stack
from universality.runs.pairings import matching_choices
from universality.runs.policy import Policy
from universality.runs.run_set import RunSet, array_digest
from universality.runs.views import ACTIVATIONS, cosines
from universality.similarity import Similarity
from universality.similarity.code_similarity import CodeSimilarity
from universality.storage.kept import PairStore, kept

_Rows: TypeAlias = Sequence[Mapping[str, Tensor]]
_Pairs: TypeAlias = Mapping[tuple[int, int], Mapping[str, Similarity]]

_INDEPENDENT = "the spectrum takes a latent's chances in different runs as independent"


def draw_null(
    runs: RunSet,
    group: Sequence[int],
    policy: Policy,
    thresholds: Sequence[float],
    *,
    store: PairStore | None = None,
) -> RunsNull:
    """Three independent runs like three of these, drawn a few times.

    Directions by the policy's first null: each run is replaced by a draw of its own, so pairs and
    triples share nothing; what single views say comes from draws of each by itself, where the null
    mixes views. Wide runs are drawn narrower and the shares carried to the full width;
    cycle consistency and agreement fall with width, so theirs are upper bounds. Activations by the
    tokens null at full width: each run's codes on other tokens. Draws found in the store are not
    drawn again.
    """
    three = [group[k % len(group)] for k in range(3)]
    nulls = []
    if runs.directions:
        nulls.append(_directions(runs, three, policy, thresholds, store=store))
    if runs.wants_activations:
        nulls.append(_activations(runs, three, policy, thresholds, store=store))
    return nulls[0] if len(nulls) == 1 else joined(*nulls)


def _directions(
    runs: RunSet,
    three: Sequence[int],
    policy: Policy,
    thresholds: Sequence[float],
    *,
    store: PairStore | None,
) -> RunsNull:
    null = find_null(policy.nulls[0])
    rows = [runs.sides[run].directions for run in three]
    n = max(len(next(iter(one.values()))) for one in rows)
    plan = plan_draws(n, n, n_draws=3 * policy.n_draws)
    digests = [runs.digests[run, view] for run in three for view in runs.directions]
    choices = (matching_choices(policy), thresholds)
    found = []
    for number in _draws(null.name, policy.n_draws):

        def measure(number: int = number) -> dict[str, np.ndarray]:
            drawn = _turned(rows, null.draw_each_view, plan, seed=policy.seed + number)
            found = _measure(_match(_cosines(drawn, policy), policy), thresholds)
            if null.mixes_views and BOTH in {rule for _, rule, _ in found}:
                drawn = _turned(rows, null.draw, plan, seed=policy.seed + number)
                joint = _measure(_match(_cosines(drawn, policy), policy), thresholds)
                found = {key: (joint if key[1] == BOTH else found)[key] for key in found}
            return _packed(found)

        drawn_as = [null.name, null.version, policy.seed + number, *choices, plan.n_a]
        key = [*drawn_as, *runs.directions, *digests]
        found.append(_unpacked(kept(store, "/".join(map(str, key)), measure)))
    description = (
        f"{policy.n_draws} draws of three unrelated runs ({null.description}; version "
        f"{null.version}) with {plan.n_a:,} of {plan.full_n_a:,} latents; {_INDEPENDENT}"
    )
    return null_from(null.name, description, _at_full_width(_mean(found), rows, plan, policy))


def _activations(
    runs: RunSet,
    three: Sequence[int],
    policy: Policy,
    thresholds: Sequence[float],
    *,
    store: PairStore | None,
) -> RunsNull:
    n_draws = policy.draws_of("tokens")
    digests = [array_digest(runs.documents)]
    digests += [runs.digests[run, ACTIVATIONS] for run in three]
    choices = (matching_choices(policy), thresholds)
    found = []
    for number in _draws("tokens", n_draws):

        def measure(number: int = number) -> dict[str, np.ndarray]:
            codes = _moved(runs, three, seed=policy.seed + number)
            return _packed(_measure(_match(_likeness(codes, policy), policy), thresholds))

        key = ["tokens", policy.seed + number, *choices]
        found.append(_unpacked(kept(store, "/".join(map(str, [*key, *digests])), measure)))
    description = (
        f"activations: {n_draws} draws of three runs whose codes belong to other tokens (tokens "
        "null), at full width"
    )
    return null_from("tokens", description, _mean(found))


def _draws(name: str, n_draws: int) -> tqdm[int]:
    return tqdm(range(n_draws), desc=f"null: {name}", leave=False, disable=None)


def _turned(rows: _Rows, draw: Draw, plan: DrawPlan, *, seed: int) -> _Rows:
    generator = torch.Generator().manual_seed(seed)
    parts = [subsample(one, plan.n_a, generator=generator) for one in rows]
    return [draw(part, part, generator=generator)[1] for part in parts]


def _moved(runs: RunSet, three: Sequence[int], *, seed: int) -> list[Codes]:
    """The codes of three runs, those of the second and third moved to other tokens each."""
    generator = torch.Generator().manual_seed(seed)
    moves = [permute_windows(runs.documents, generator=generator) for _ in range(2)]
    rows = [moves[0][0], moves[0][1], moves[1][1]]
    return [rearrange_tokens(runs.codes[run], at) for run, at in zip(three, rows, strict=True)]


def _cosines(rows: _Rows, policy: Policy) -> _Pairs:
    device = resolve_device(policy.device)
    return {
        (i, j): cosines(rows[i], rows[j], absolute=policy.absolute, device=device)
        for i, j in combinations(range(len(rows)), 2)
    }


def _likeness(codes: Sequence[Codes], policy: Policy) -> _Pairs:
    absolute = True if policy.absolute else None
    return {
        (i, j): {
            ACTIVATIONS: CodeSimilarity.between(
                codes[i], codes[j], policy.measure, absolute=absolute, progress=False
            )
        }
        for i, j in combinations(range(len(codes)), 2)
    }


def _match(pairs: _Pairs, policy: Policy) -> dict[str, MatchedRuns]:
    views = list(pairs[0, 1])
    links: dict[str, dict[tuple[int, int], Link]] = {view: {} for view in views}
    for pair, similarities in pairs.items():
        for view, similarity in similarities.items():
            matching = assign(similarity, time_limit=policy.time_limit, progress=False)
            links[view][pair] = Link(matching.a, matching.b, matching.similarity)
    shapes = [pairs[0, 1][views[0]].shape, pairs[1, 2][views[0]].shape]
    alive = [np.ones(n, dtype=bool) for n in (*shapes[0], shapes[1][1])]
    matched = {view: stack(("0", "1", "2"), alive, links[view]) for view in views}
    if {"decoder", "encoder"} <= set(matched):
        matched[BOTH] = agreeing(matched["decoder"], matched["encoder"])
    return matched


def _measure(matched: Mapping[str, MatchedRuns], thresholds: Sequence[float]) -> Found:
    found: dict[tuple[str, str, float | None], float] = {}
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


def _mean(found: Sequence[Found]) -> dict[tuple[str, str, float | None], float]:
    return {key: float(np.mean([one[key] for one in found])) for key in found[0]}


def _at_full_width(found: Found, rows: _Rows, plan: DrawPlan, policy: Policy) -> Found:
    n, carried = (plan.n_a, plan.full_n_a), dict(found)
    for key, value in found.items():
        kind, view, _ = key
        if kind == "share":
            carried[key] = float(carry_share(value, n=n))
        if kind == "mean":
            a, b = rows[0][view], rows[1][view]
            location = 0.0 if policy.absolute else mean_cosine(a, b)
            d = a.shape[1]
            carried[key] = carry_mean(value, location=location, d=d, n=n, absolute=policy.absolute)
    return carried


def _packed(found: Found) -> dict[str, np.ndarray]:
    names = [(kind, rule, "" if t is None else repr(t)) for kind, rule, t in found]
    return {"names": np.array(names), "values": np.array(list(found.values()))}


def _unpacked(arrays: Mapping[str, np.ndarray]) -> Found:
    return {
        (str(kind), str(rule), float(t) if t else None): float(value)
        for (kind, rule, t), value in zip(arrays["names"], arrays["values"], strict=True)
    }
