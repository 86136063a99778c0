"""Workers: each takes tiles of a plan, makes them, and notes them as finished."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import final

import torch

from universality.compute.devices import resolve_device
from universality.compute.stages import counted
from universality.distributed.planned_runs import open_planned
from universality.distributed.receipts import (
    changed_file,
    read_receipt,
    tile_digest,
    void,
    write_receipt,
)
from universality.distributed.shard import Shard
from universality.distributed.tile_making import TileMaker
from universality.distributed.work_plan import LOCKS, Tile, WorkPlan, read_plan
from universality.errors import InvalidInputError, OutputError
from universality.storage.dependencies import differences
from universality.storage.leases import LEASE, PATIENCE, Leases

_PAUSE = 0.2


@final
@dataclass(frozen=True)
class Worked:
    """What a worker did."""

    made: tuple[str, ...]
    """Names of the tiles that it finished."""
    n_tiles: int
    """Tiles of the plan."""
    n_missing: int
    """Tiles that are not finished by anyone."""


@final
class Worker:
    """One process at a plan: the inputs it has opened, and the locks it holds."""

    def __init__(self, folder: Path, *, lease: float = LEASE, patience: float = PATIENCE) -> None:
        self._folder, self._plan, self._patience = folder, read_plan(folder), patience
        self._leases = Leases(folder / LOCKS, seconds=float(lease), patience=float(patience))
        planned = open_planned(self._plan.command, self._plan.arguments, self._plan.policy)
        check_inputs(folder, self._plan, planned.inputs)
        self._maker = TileMaker(self._plan, planned, folder=folder, leases=self._leases)

    @property
    def plan(self) -> WorkPlan:
        """What it works at."""
        return self._plan

    def work(self, part: Shard, *, claim: bool = False, progress: bool = True) -> Worked:
        """Make the tiles of a part, or with `claim` of all parts, as `work` says."""
        own = part.part(self._plan.tiles)
        todo = [*own, *(tile for tile in self._plan.tiles if tile not in own)] if claim else own
        with threads_set(self._plan.threads):
            turns = counted(self._in_turn(todo, part, claim), "tiles", progress=progress)
            made = [tile.name for tile in turns]
        missing = sum(not self.is_done(tile) for tile in self._plan.tiles)
        return Worked(tuple(made), len(self._plan.tiles), missing)

    def ready_for(self, tile: Tile) -> None:
        """Read, or make, what all tiles of this kind read, so that making one is that alone."""
        self._maker.ready_for(tile)

    def is_done(self, tile: Tile) -> bool:
        """Whether the tile is finished, and its files are as they were; its note goes if not."""
        receipt = read_receipt(self._folder, self._plan, tile)
        if receipt is None:
            return False
        changed = changed_file(self._folder, receipt, thoroughly=False)
        if changed is not None:
            void(self._folder, self._plan, tile, changed)
        return changed is None

    def make(self, tile: Tile, part: Shard) -> bool:
        """Whether the tile was made now; not where it was finished already."""
        if self.is_done(tile):
            return False
        begun = time.monotonic()
        try:
            files = self._maker.make(tile)
            seconds = time.monotonic() - begun
            write_receipt(self._folder, self._plan, tile, files=files, seconds=seconds, shard=part)
        except OutputError as error:
            raise OutputError(f"worker {part}, tile {tile.name!r}: {error}") from error
        return True

    def _in_turn(self, todo: Sequence[Tile], part: Shard, claim: bool) -> Iterator[Tile]:
        """The tiles, each when it was made here."""
        if not claim:
            yield from (tile for tile in todo if self.make(tile, part))
            return
        waited_since = time.monotonic()
        while todo:
            left = []
            for tile in todo:
                if self.is_done(tile):
                    continue
                with self._leases.tried(tile_digest(self._plan, tile)) as ours:
                    if not ours:
                        left.append(tile)
                    elif self.make(tile, part):
                        waited_since = time.monotonic()
                        yield tile
            todo = left
            if todo:
                self._wait(todo[0], part, waited_since)

    def _wait(self, tile: Tile, part: Shard, since: float) -> None:
        """Until others are done, or their locks have run out."""
        if time.monotonic() - since > self._patience:
            holder = self._leases.holder(tile_digest(self._plan, tile))
            raise OutputError(
                f"worker {part} waited {self._patience:,.0f} s for tile {tile.name!r}, which "
                f"{holder} still makes; end that process if it hangs, and run the command again"
            )
        time.sleep(_PAUSE)


@contextmanager
def threads_set(n_threads: int) -> Iterator[None]:
    """In the block, torch has so many threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(n_threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def check_inputs(folder: Path, plan: WorkPlan, inputs: Mapping[str, str]) -> None:
    """Nothing, when the runs and activations are those that were planned, on such a device.

    Raises:
        InvalidInputError: they are not; the message names what differs.
    """
    found = differences(plan.inputs, inputs)
    if found or set(plan.inputs) != set(inputs):
        gone = [f"{name} is missing" for name in plan.inputs if name not in inputs]
        raise InvalidInputError(
            f"{folder}: what the plan reads is not what it was: {'; '.join([*found, *gone])}; put "
            "it back, or plan anew in another folder"
        )
    device = resolve_device(plan.policy.device).type
    if device != plan.device:
        raise InvalidInputError(
            f"{folder} was planned for {plan.device}, this process computes on {device}, which "
            "rounds otherwise; work on it where it was planned, or plan with --device"
        )
