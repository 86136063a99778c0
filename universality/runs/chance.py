"""What runs have in common that share nothing: draws of two or three of them, measured alike."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal, final

import numpy as np
import torch

from universality.codes import rearrange_tokens
from universality.compute.devices import resolve_device
from universality.compute.stages import counted
from universality.compute.workers import side_by_side
from universality.nulls.draw_plan import DrawPlan, plan_draws, subsample
from universality.nulls.null import NULLS, Draw, Null, find_null
from universality.nulls.tokens import permute_windows
from universality.runs.draws import (
    Drawn,
    as_arrays,
    from_arrays,
    measured,
    of_firing,
    over_draws,
    views_apart,
    with_room,
)
from universality.runs.fitted_map import FITTED_NULL, FittedAlignment
from universality.runs.full_width import carried, with_closed_forms
from universality.runs.matched import matching_choices
from universality.runs.metrics import Statistics
from universality.runs.part import RunPart, array_digest
from universality.runs.policy import Policy
from universality.runs.run_set import RunSet
from universality.runs.untrained import shortened_for, untrained_codes
from universality.runs.view_match import ViewMatch, is_large
from universality.runs.views import ACTIVATIONS, RowsByView, Traits, View
from universality.storage.kept import PairStore, kept

TOKENS_VERSION = 2
"""Of the way draws of codes are made and measured, as `Null.version` is for those of directions."""


@final
@dataclass(frozen=True, eq=False)
class NullStatistics:
    """Statistics of one null over its draws, or exact where a closed form exists."""

    name: str
    """Name of the null."""
    plan: DrawPlan
    """Number of draws, and their width."""
    mean: Statistics
    """Mean over draws (and over the pairs of a draw of three), carried to the full width where
    they are narrower; exact for the isotropic null's greedy averages and shares."""
    sd: Statistics
    """Sample standard deviation of a single draw."""
    cycles: Mapping[str, float]
    """Cycle consistency by rule, mean over draws of three runs; empty for draws of two."""

    @property
    def version(self) -> int:
        """Of the way it is drawn."""
        return NULLS[self.name].version if self.name in NULLS else TOKENS_VERSION


@final
@dataclass(frozen=True, eq=False)
class NullDraw:
    """One draw of a null, which does not depend on the others of it."""

    of: Literal["directions", "tokens", "untrained codes"]
    """What is drawn."""
    null: str
    """Name of the null."""
    number: int
    """Which of its draws."""
    find: Callable[[], Drawn]
    """Draws it, or finds it among what was kept."""

    @property
    def name(self) -> str:
        """What tells it from all other draws for the same runs."""
        return f"{self.of} {self.null} {self.number}"


def draws_of_nulls(
    runs: RunSet,
    numbers: Sequence[int],
    policy: Policy,
    *,
    thresholds: Sequence[float],
    matches: Mapping[str, ViewMatch] | None = None,
    store: PairStore | None = None,
) -> Iterator[NullDraw]:
    """Every draw that `draw_nulls` makes, for whoever shares them out."""
    parts = [runs.parts[number] for number in numbers]
    views = [view for view in runs.views if view.name != ACTIVATIONS]
    if views:
        yield from direction_draws(
            **_of_directions(views, parts, policy, thresholds, store, runs.fitted)
        )
    if runs.compares_firing:
        assert runs.table is not None
        firing, pieces = runs.view(ACTIVATIONS), runs.table.documents
        yield from _draws_of_tokens(firing, parts, policy, thresholds, store, pieces, matches or {})
        if _has_untrained_codes(parts, policy):
            yield from _draws_of_untrained(firing, parts, policy, thresholds, store)[0]


def draw_nulls(
    runs: RunSet,
    numbers: Sequence[int],
    policy: Policy,
    *,
    thresholds: Sequence[float],
    matches: Mapping[str, ViewMatch] | None = None,
    store: PairStore | None = None,
) -> list[NullStatistics]:
    """The policy's nulls for views of directions; where latents fire, that of tokens.

    For two or three of the runs, which a draw replaces by runs that are independent of each other.
    Wide runs are drawn narrower, and what is known to grow with width is carried to the full one;
    cycle consistency and agreement fall with width, so theirs are upper bounds. The untrained
    floor, if asked for, is drawn for directions and for activations. `matches` are those of two
    runs, beside which the tokens null stands. Draws found in the store are not drawn again.
    """
    parts = [runs.parts[number] for number in numbers]
    views = [view for view in runs.views if view.name != ACTIVATIONS]
    nulls = []
    if views:
        nulls = _draw_directions(views, parts, policy, thresholds, store, runs.fitted)
    if runs.compares_firing:
        assert runs.table is not None
        firing = runs.view(ACTIVATIONS)
        pieces = runs.table.documents
        nulls.append(_draw_tokens(firing, parts, policy, thresholds, store, pieces, matches or {}))
        if _has_untrained_codes(parts, policy):
            nulls.append(_draw_untrained(firing, parts, policy, thresholds, store))
    return nulls


def _has_untrained_codes(parts: Sequence[RunPart], policy: Policy) -> bool:
    return "untrained" in policy.nulls and all(part.dictionary.views for part in parts)


def first_null_of(view: str, nulls: Sequence[NullStatistics]) -> NullStatistics:
    """The first null that says something of a view."""
    return nulls_of(view, nulls)[0]


def nulls_of(view: str, nulls: Sequence[NullStatistics]) -> list[NullStatistics]:
    """The nulls that say something of a view."""
    return [null for null in nulls if any(of == view for of, _ in null.mean.averages)]


def draw_direction_nulls(
    n_draws: Mapping[str, int],
    runs: Sequence[RowsByView],
    views: Sequence[View],
    *,
    thresholds: Sequence[float],
    absolute: bool,
    device: torch.device,
    seed: int,
    keep: Callable[[str, Callable[[], Mapping[str, np.ndarray]]], Mapping[str, np.ndarray]]
    | None = None,
    own: Null | None = None,
) -> list[NullStatistics]:
    """Statistics of each null, drawn so often, for runs with the shapes and geometry of these.

    Where a null mixes views, those of single views are from draws of each by itself, and those of
    two views together from half as many draws of both.

    `keep` gives what was kept under a key, or makes it; without it everything is drawn. `own` is a
    null that these runs alone have.
    """
    order = direction_draws(
        n_draws,
        runs,
        views,
        thresholds=thresholds,
        absolute=absolute,
        seed=seed,
        keep=keep,
        own=own,
    )
    done = side_by_side(lambda one: one.find(), order, device)
    drawn: dict[str, list[Drawn]] = {name: [] for name in n_draws}
    found = counted(done, "draws of nulls", total=len(order))
    for draw, one in zip(order, found, strict=True):
        drawn[draw.null].append(one)
    plans = {name: _plan(runs, n) for name, n in n_draws.items()}
    return [
        _directions(_null_named(name, own), plans[name], drawn[name], runs, absolute)
        for name in n_draws
    ]


def direction_draws(
    n_draws: Mapping[str, int],
    runs: Sequence[RowsByView],
    views: Sequence[View],
    *,
    thresholds: Sequence[float],
    absolute: bool,
    seed: int,
    keep: Callable[[str, Callable[[], Mapping[str, np.ndarray]]], Mapping[str, np.ndarray]]
    | None = None,
    own: Null | None = None,
) -> list[NullDraw]:
    """The draws of `draw_direction_nulls`, in the order that it makes them."""
    plans = {name: _plan(runs, n) for name, n in n_draws.items()}

    def draw(number: int, name: str) -> Drawn:
        null, plan = _null_named(name, own), plans[name]

        def made() -> Mapping[str, np.ndarray]:
            generator = torch.Generator().manual_seed(seeds[number])
            each = _drawn(null.draw_each_view, runs, generator)
            found = measured(views, _narrow(each, plan, generator), thresholds)
            found = with_room(found, runs[1], each[1], absolute=absolute)
            if null.mixes_views and len(views) > 1:
                joint = None
                if number < max(2, plan.n_draws // 2):
                    both = _narrow(_drawn(null.draw, runs, generator), plan, generator)
                    joint = measured(views, both, thresholds)
                found = views_apart(found, joint, views=runs[0])
            return as_arrays(found)

        key = f"{name}/{null.version}/{seeds[number]}/{number}/{plan}/{thresholds}"
        return from_arrays(made() if keep is None else keep(key, made), thresholds)

    seeds = np.random.SeedSequence(seed).generate_state(max(n_draws.values())).tolist()
    # One draw of each null in turn: what the draws of one share is prepared beside another's.
    order = sorted((number, name) for name, n in n_draws.items() for number in range(n))
    return [
        NullDraw("directions", name, number, partial(draw, number, name)) for number, name in order
    ]


def _null_named(name: str, own: Null | None) -> Null:
    return own if own is not None and own.name == name else find_null(name)


def _draw_directions(
    views: Sequence[View],
    parts: Sequence[RunPart],
    policy: Policy,
    thresholds: Sequence[float],
    store: PairStore | None,
    fitted: FittedAlignment | None,
) -> list[NullStatistics]:
    return draw_direction_nulls(
        **_of_directions(views, parts, policy, thresholds, store, fitted),
        device=resolve_device(policy.device),
    )


def _of_directions(
    views: Sequence[View],
    parts: Sequence[RunPart],
    policy: Policy,
    thresholds: Sequence[float],
    store: PairStore | None,
    fitted: FittedAlignment | None,
) -> dict[str, Any]:
    """What draws of directions are made from; first the null of a fitted map, where one is."""
    names = policy.nulls if fitted is None else (FITTED_NULL, *policy.nulls)
    digests = [part.digests[view.name] for part in parts for view in views] if store else []
    on = "/".join([matching_choices(policy), *(view.name for view in views), *digests])
    return {
        "n_draws": {name: policy.draws_of(name) for name in names},
        "own": None if fitted is None else fitted.null,
        "runs": [part.directions for part in parts],
        "views": views,
        "thresholds": thresholds,
        "absolute": policy.absolute,
        "seed": policy.seed,
        "keep": lambda key, made: kept(store, f"{key}/{on}", made),
    }


def _plan(runs: Sequence[RowsByView], n_draws: int) -> DrawPlan:
    widths = [next(iter(run.values())).shape[0] for run in runs]
    if len(runs) == 2:
        return plan_draws(*widths, n_draws=n_draws)
    n_pairs = len(runs) * (len(runs) - 1) // 2
    plan = plan_draws(max(widths), max(widths), n_draws=n_pairs * n_draws)
    return replace(plan, n_draws=n_draws)


def _drawn(draw: Draw, runs: Sequence[RowsByView], generator: torch.Generator) -> list[RowsByView]:
    """Runs that share nothing: the pair that a null draws, and further partners of its first."""
    drawn = list(draw(runs[0], runs[1], generator=generator))
    return drawn + [draw(runs[0], run, generator=generator)[1] for run in runs[2:]]


def _narrow(
    drawn: Sequence[RowsByView], plan: DrawPlan, generator: torch.Generator
) -> list[Traits]:
    widths = [plan.n_a, *[plan.n_b] * len(drawn[1:])]
    return [
        Traits(subsample(run, n, generator=generator)) for run, n in zip(drawn, widths, strict=True)
    ]


def _draw_tokens(
    view: View,
    parts: Sequence[RunPart],
    policy: Policy,
    thresholds: Sequence[float],
    store: PairStore | None,
    documents: np.ndarray,
    matches: Mapping[str, ViewMatch],
) -> NullStatistics:
    """What is left in the activations view when the codes of all runs belong to other tokens.

    Views of directions stay as they were matched, so that agreement with them is by chance.
    """
    draws = _draws_of_tokens(view, parts, policy, thresholds, store, documents, matches)
    drawn = [one.find() for one in counted(draws, "draws of tokens", total=policy.n_draws)]
    n_a, n_b = (part.alive.n_alive for part in parts[:2])
    return _over("tokens", DrawPlan(policy.n_draws, n_a, n_b, n_a, n_b), drawn)


def _draws_of_tokens(
    view: View,
    parts: Sequence[RunPart],
    policy: Policy,
    thresholds: Sequence[float],
    store: PairStore | None,
    documents: np.ndarray,
    matches: Mapping[str, ViewMatch],
) -> Iterator[NullDraw]:
    """One after the other: where tokens go is drawn in turn from one generator."""
    generator = torch.Generator().manual_seed(policy.seed)

    def draw(number: int, places: Sequence[np.ndarray]) -> Drawn:
        def made() -> Mapping[str, np.ndarray]:
            codes = [part.codes for part in parts]
            moved = [
                Traits({}, rearrange_tokens(one, at))
                for one, at in zip(codes, places, strict=True)
                if one is not None
            ]
            return as_arrays(of_firing(measured([view], moved, thresholds, beside=matches)))

        key = f"tokens/{TOKENS_VERSION}/{policy.seed}/{number}/{array_digest(documents)}"
        key += f"/{_firing_key(parts, policy, thresholds, store)}"
        return from_arrays(kept(store, key, made), thresholds)

    for number in range(policy.n_draws):
        moves = [permute_windows(documents, generator=generator) for _ in parts[1:]]
        places = [moves[0][0], *(move[1] for move in moves)]
        yield NullDraw("tokens", "tokens", number, partial(draw, number, places))


def _draw_untrained(
    view: View,
    parts: Sequence[RunPart],
    policy: Policy,
    thresholds: Sequence[float],
    store: PairStore | None,
) -> NullStatistics:
    """What runs of these shapes have in common in the activations view before any training."""
    draws, note = _draws_of_untrained(view, parts, policy, thresholds, store)
    n_a, n_b = (part.alive.n_alive for part in parts[:2])
    device, large = resolve_device(policy.device), is_large(n_a, n_b)
    drawn = list(side_by_side(lambda one: one.find(), draws, device, large=large))
    return _over("untrained", DrawPlan(len(draws), n_a, n_b, n_a, n_b, note), drawn)


def _draws_of_untrained(
    view: View,
    parts: Sequence[RunPart],
    policy: Policy,
    thresholds: Sequence[float],
    store: PairStore | None,
) -> tuple[list[NullDraw], str]:
    """The draws, and a note where they read the beginning of the tokens alone."""
    caches, note = shortened_for(parts)
    device = resolve_device(policy.device)

    def draw(seed: int) -> Drawn:
        def made() -> Mapping[str, np.ndarray]:
            codes = untrained_codes(
                parts, caches, seed=seed, min_firing=policy.min_firing, device=device
            )
            return as_arrays(measured([view], [Traits({}, one) for one in codes], thresholds))

        key = f"untrained codes/{TOKENS_VERSION}/{seed}/{note}/{policy.min_firing}"
        key += f"/{_firing_key(parts, policy, thresholds, store)}"
        return from_arrays(kept(store, key, made), thresholds)

    seeds = np.random.SeedSequence(policy.seed).generate_state(policy.draws_of("untrained"))
    return [
        NullDraw("untrained codes", "untrained", number, partial(draw, seed))
        for number, seed in enumerate(seeds.tolist())
    ], note


def _firing_key(
    parts: Sequence[RunPart],
    policy: Policy,
    thresholds: Sequence[float],
    store: PairStore | None,
) -> str:
    digests = [part.digests[ACTIVATIONS] for part in parts] if store else []
    return "/".join(map(str, [matching_choices(policy), thresholds, *digests]))


def _over(name: str, plan: DrawPlan, drawn: Sequence[Drawn]) -> NullStatistics:
    found = [one.found for one in drawn]
    return NullStatistics(
        name=name,
        plan=plan,
        mean=over_draws(found, np.mean),
        sd=over_draws(found, partial(np.std, ddof=1)),
        cycles={
            rule: float(np.mean([one.cycles[rule] for one in drawn if rule in one.cycles]))
            for rule in drawn[0].cycles
        },
    )


def _directions(
    of: Null, plan: DrawPlan, drawn: Sequence[Drawn], runs: Sequence[RowsByView], absolute: bool
) -> NullStatistics:
    if of.mixes_views and len(runs[0]) > 1:
        plan = replace(plan, note="each view by itself")
    null = _over(of.name, plan, drawn)
    mean = null.mean
    if plan.subsampled:
        mean = carried(mean, plan, runs[0], runs[1], absolute=absolute)
    if of.name == "isotropic":
        mean = with_closed_forms(mean, runs[0], runs[1], absolute=absolute)
    return replace(null, mean=mean)
