"""One tile made: the plain command's own functions, asked for one piece with a shared store."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import assert_never, final

from universality.compute.devices import resolve_device
from universality.compute.workers import as_one_of
from universality.distributed.planned_runs import PlannedRuns, restricted_to
from universality.distributed.work_plan import WORK, Tile, WorkPlan
from universality.encoding.streaming import codes_key, encode
from universality.errors import FormatError
from universality.recurrence.group_study import study_thresholds
from universality.recurrence.widths.ladder import search_step
from universality.runs.between.own_runs import match_own_runs
from universality.runs.between.pair_findings import held_out_folds, summary_between
from universality.runs.between.surprise import kept_surprise
from universality.runs.chance import NullDraw, draws_of_nulls
from universality.runs.matched import MatchedPair, match_runs
from universality.runs.metrics import curve_thresholds
from universality.runs.run_set import RunSet
from universality.runs.view_match import is_large
from universality.storage.kept import PairStore, begin_store
from universality.storage.leases import Leases


@final
class TileMaker:
    """Makes tiles of one plan in one process; what several need is read once."""

    def __init__(
        self, plan: WorkPlan, planned: PlannedRuns, *, folder: Path, leases: Leases
    ) -> None:
        self._plan, self._planned, self._leases = plan, planned, leases
        self._store = PairStore(folder / WORK, leases)
        begin_store(self._store.folder)
        self._device = resolve_device(plan.policy.device)
        self._reading = Lock()

    def make(self, tile: Tile) -> list[Path]:
        """The files that the tile stands for; what is there already is not made again.

        Raises:
            OutputError: a file cannot be written, or another process held what the tile needs for
                too long.
        """
        used: list[Path] = []
        store = replace(self._store, used=used.append)
        policy = self._plan.policy
        match tile.kind:
            case "codes":
                used += self._encode(tile.runs[0])
            case "match":
                with self._beside(tile.runs, len(self._runs.views)):
                    self._pair(tile.runs, store, view=tile.what)
            case "own run":
                with self._beside((*tile.runs, *tile.runs), len(self._runs.views)):
                    some = restricted_to(self._runs, tile.runs, tile.what)
                    match_own_runs(some, policy, thresholds=self._thresholds, store=store)
            case "draw":
                self._draw(tile, store)
            case "pair":
                self._pair(tile.runs, store)
            case "folds":
                held_out_folds(self._pair(tile.runs, store), policy, store=store)
            case "verdict":
                pair = self._pair(tile.runs, store)
                kept_surprise(pair, policy, store)
                summary_between(pair, policy, store=store)
            case "ladder":
                draw = None if tile.what == "search" else int(tile.what.split()[-1])
                search_step(self._runs, tile.runs, policy, draw=draw, store=store)
            case _:
                assert_never(tile.kind)
        return used

    def ready_for(self, tile: Tile) -> None:
        """Gather the runs, with their codes, unless the tile is one of codes."""
        if tile.kind != "codes":
            assert self._runs.parts

    @property
    def _runs(self) -> RunSet:
        """The runs with the codes of all, which others may be making just now."""
        with self._reading:
            return self._gathered

    @cached_property
    def _gathered(self) -> RunSet:
        for number in range(len(self._planned.caches)):
            self._encode(number)
        return self._planned.gathered(self._store)

    def _encode(self, number: int) -> list[Path]:
        run, cache = self._planned.dictionaries[number], self._planned.caches[number]
        key = codes_key(run, cache, self._device)
        folder = self._store.folder / f"codes-{key.digest}"
        what = f"the codes of {run.source.name}"
        with self._leases.held(folder.name, until=lambda: False, what=what):
            encode(run, cache, folder=folder, device=self._device)
        return sorted(folder.glob("*.safetensors"))

    def _pair(
        self, numbers: Sequence[int], store: PairStore, *, view: str | None = None
    ) -> MatchedPair:
        some = restricted_to(self._runs, numbers, view)
        (pair,) = match_runs(some, self._plan.policy, store=store).pairs.values()
        return pair

    def _draw(self, tile: Tile, store: PairStore) -> None:
        matches = None
        if self._plan.command == "compare" and tile.what.startswith("tokens"):
            matches = self._pair((0, 1), store).matches
        draws = draws_of_nulls(
            self._runs,
            tile.runs,
            self._plan.policy,
            thresholds=self._thresholds,
            matches=matches,
            store=store,
        )
        found = next((draw for draw in draws if draw.name == tile.what), None)
        if found is None:
            raise FormatError(f"the plan's tile {tile.name!r} is no draw of these runs; plan anew")
        with self._beside_draws(tile, found):
            found.find()

    def _beside_draws(self, tile: Tile, draw: NullDraw) -> AbstractContextManager[None]:
        policy = self._plan.policy
        match draw.of:
            case "directions":
                return self._beside((), sum(policy.draws_of(null) for null in policy.nulls))
            case "untrained codes":
                return self._beside(tile.runs[:2], policy.draws_of("untrained"))
            case "tokens":
                return self._beside((), 1)
            case _:
                assert_never(draw.of)

    @property
    def _thresholds(self) -> list[float]:
        threshold = self._plan.policy.threshold
        match self._plan.command:
            case "compare":
                return curve_thresholds(threshold)
            case "stability":
                return study_thresholds(threshold)
            case _:
                assert_never(self._plan.command)

    def _beside(self, two: Sequence[int], n_items: int) -> AbstractContextManager[None]:
        """As many threads as the plain command gives it, which does several side by side."""
        widths = [self._runs.parts[run].alive.n_alive for run in two]
        large = len(widths) == 2 and is_large(*widths)
        return as_one_of(n_items, self._device, large=large)
