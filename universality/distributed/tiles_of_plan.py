"""Which tiles the work of a command is cut into: from its runs and policy, before any work."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from typing import Literal, assert_never

from universality.distributed.planned_runs import PlannedRuns
from universality.distributed.work_plan import Kind, Tile
from universality.nulls.draw_plan import PAIR_BUDGET
from universality.recurrence.dependence import of_one_model
from universality.recurrence.group_study import drawn_runs
from universality.recurrence.widths.ladder import ladder
from universality.runs.run_set import groups
from universality.runs.views import ACTIVATIONS

FIRST: tuple[Kind, ...] = ("codes",)
"""What everything else reads comes first."""
LAST: tuple[Kind, ...] = ("pair", "folds", "verdict")
"""What reads other tiles comes last."""

_BILLION = 1e9
_FOLDS = 2


def tiles_of(command: Literal["compare", "stability"], planned: PlannedRuns) -> tuple[Tile, ...]:
    """The tiles of a command: what others read first, of the rest the dearest first.

    What a command turns out to need beside them (where runs of a study depend on each other, its
    nulls are drawn for others) is done when they are merged.
    """
    found = list(_encodings(planned))
    found += _matches(planned)
    match command:
        case "compare":
            found += _draws(planned, (0, 1))
            found += _folds(planned)
        case "stability":
            group = of_one_model(planned.outline, groups(planned.outline)[0])
            found += _draws(planned, drawn_runs(group))
            found += _verdicts(planned)
            found += _ladder(planned)
        case _:
            assert_never(command)
    return tuple(sorted(found, key=lambda tile: (_turn(tile), -tile.cost, tile.name)))


def _turn(tile: Tile) -> int:
    return 0 if tile.kind in FIRST else 2 if tile.kind in LAST else 1


def _encodings(planned: PlannedRuns) -> Iterator[Tile]:
    for number, cache in enumerate(planned.caches):
        run = planned.dictionaries[number]
        yield Tile("codes", (number,), cost=len(cache) * run.d_sae * run.d_in / _BILLION)


def _matches(planned: PlannedRuns) -> Iterator[Tile]:
    runs = range(len(planned.opened))
    for view in planned.outline.views:
        for two in combinations(runs, 2):
            yield Tile("match", two, view.name, _product(planned, two, view.name))
        if not view.directed:
            for run in runs:
                yield Tile("own run", (run,), view.name, _product(planned, (run, run), view.name))
    for two in combinations(runs, 2):
        yield Tile("pair", two, cost=_all_views(planned, two))


def _draws(planned: PlannedRuns, drawn: tuple[int, ...]) -> Iterator[Tile]:
    policy, views = planned.policy, planned.outline.view_names
    directions = [view for view in views if view != ACTIVATIONS]
    two = drawn[:2]
    if directions:
        for null in policy.nulls:
            for number in range(policy.draws_of(null)):
                cost = _budget(planned, two, policy.draws_of(null)) * len(directions)
                yield Tile("draw", drawn, f"directions {null} {number}", cost)
    if ACTIVATIONS in views:
        cost = _product(planned, two, ACTIVATIONS)
        for number in range(policy.n_draws):
            yield Tile("draw", drawn, f"tokens tokens {number}", cost)
        if "untrained" in policy.nulls and directions:
            for number in range(policy.draws_of("untrained")):
                yield Tile("draw", drawn, f"untrained codes untrained {number}", 2 * cost)


def _folds(planned: PlannedRuns) -> Iterator[Tile]:
    if planned.policy.held_out and ACTIVATIONS in planned.outline.view_names:
        yield Tile("folds", (0, 1), cost=_FOLDS * _product(planned, (0, 1), ACTIVATIONS))


def _verdicts(planned: PlannedRuns) -> Iterator[Tile]:
    for two in combinations(range(len(planned.opened)), 2):
        yield Tile("verdict", two, cost=_all_views(planned, two))


def _ladder(planned: PlannedRuns) -> Iterator[Tile]:
    for two in ladder(planned.outline):
        cost = 2 * _product(planned, two, "decoder")
        yield Tile("ladder", two, "search", cost)
        for number in range(planned.policy.n_draws):
            yield Tile("ladder", two, f"draw {number}", cost)


def _all_views(planned: PlannedRuns, two: tuple[int, ...]) -> float:
    return sum(_product(planned, two, view) for view in planned.outline.view_names)


def _product(planned: PlannedRuns, two: tuple[int, ...], view: str) -> float:
    """Of all pairs of two runs; that of codes is taken for one of directions as wide as theirs."""
    a, b = (planned.dictionaries[run] for run in two)
    return a.d_sae * b.d_sae * max(a.d_in, 1) / _BILLION


def _budget(planned: PlannedRuns, two: tuple[int, ...], n_draws: int) -> float:
    """As `_product`, of draws that are narrower where runs are wide."""
    a, b = (planned.dictionaries[run] for run in two)
    return min(a.d_sae * b.d_sae, PAIR_BUDGET // n_draws) * max(a.d_in, 1) / _BILLION
