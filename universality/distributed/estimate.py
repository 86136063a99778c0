"""What a plan will cost, from three of its tiles made and timed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import final

from universality.distributed.receipts import read_receipt
from universality.distributed.shard import Shard
from universality.distributed.work_plan import Tile, WorkPlan
from universality.distributed.working import Worker, threads_set

_PROBES = 3


@final
@dataclass(frozen=True)
class KindEstimate:
    """The tiles of one kind, and what they may take together."""

    n_tiles: int
    """How many there are."""
    seconds: float
    """For one worker."""
    n_bytes: float
    """Of their files."""
    probed: bool
    """Whether a tile of this kind was timed; otherwise it is taken to be like those that were."""


def estimate_plan(folder: Path) -> Mapping[str, KindEstimate]:
    """By kind of tile, time and bytes, from the cheapest tile of each of the three dearest kinds.

    Tiles of a kind do the same on other runs: matches of one view, draws of one sort.

    The three are made, and kept as any tile. Time goes with the multiplications of a tile, bytes
    with their number of tiles. Where tokens are encoded, what a tile reads is made before it is
    timed.

    Raises:
        MissingFileError, FormatError, InvalidInputError, OutputError: as `work`.
    """
    worker = Worker(folder)
    plan = worker.plan
    of_kind: dict[str, list[Tile]] = {}
    for tile in plan.tiles:
        of_kind.setdefault(_kind_of(tile), []).append(tile)
    dearest = sorted(of_kind, key=lambda kind: -sum(tile.cost for tile in of_kind[kind]))
    probes = {kind: min(of_kind[kind], key=_cost) for kind in dearest[:_PROBES]}
    with threads_set(plan.threads):
        for tile in sorted(probes.values(), key=plan.tiles.index):
            worker.ready_for(tile)
            worker.make(tile, Shard())
    known = {kind: _measured(folder, plan, tile) for kind, tile in probes.items()}
    usual = sum(rate for rate, _ in known.values()) / len(known)
    size = sum(n_bytes for _, n_bytes in known.values()) / len(known)
    found = {}
    for kind, tiles in of_kind.items():
        rate, n_bytes = known.get(kind, (usual, size))
        cost = sum(tile.cost for tile in tiles)
        found[kind] = KindEstimate(len(tiles), rate * cost, n_bytes * len(tiles), kind in known)
    return found


def _kind_of(tile: Tile) -> str:
    match tile.kind:
        case "draw":
            return f"draw {tile.what.split()[0]}"
        case "match" | "own run":
            return f"{tile.kind} {tile.what}"
        case _:
            return tile.kind


def _cost(tile: Tile) -> float:
    return tile.cost


def _measured(folder: Path, plan: WorkPlan, tile: Tile) -> tuple[float, float]:
    """Seconds per billion multiplications of a finished tile, and bytes of its files."""
    receipt = read_receipt(folder, plan, tile)
    assert receipt is not None
    n_bytes = sum(size for size, _ in receipt.files.values())
    return receipt.seconds / max(tile.cost, 1e-9), float(n_bytes)
