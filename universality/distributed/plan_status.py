"""How far a plan is: what is finished, what is missing, and how long the rest may take."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import final

from universality.distributed.receipts import changed_file, read_receipt
from universality.distributed.work_plan import LOCKS, Tile, WorkPlan, read_plan
from universality.storage.leases import Leases
from universality.validation import PATH, takes


@final
@dataclass(frozen=True, eq=False)
class PlanStatus:
    """The tiles of a plan, finished and missing."""

    plan: WorkPlan
    """What it is of."""
    done: tuple[Tile, ...]
    """Finished, their files as large as they were then."""
    missing: tuple[Tile, ...]
    """The others."""
    seconds_done: float
    """Time that the finished ones took, all workers together."""
    n_locked: int
    """Locks that workers hold who may be alive."""

    @property
    def seconds_left(self) -> float | None:
        """Time that the missing tiles take one worker; None before any tile is finished.

        In proportion to what those took that are finished.
        """
        cost = sum(tile.cost for tile in self.done)
        if not self.done or not cost:
            return None
        return self.seconds_done / cost * sum(tile.cost for tile in self.missing)


@takes(plan=PATH)
def plan_status(plan: str | Path) -> PlanStatus:
    """What is finished of a plan, by the notes and sizes of its files; nothing is computed.

    Raises:
        MissingFileError, FormatError: there is no plan, or a damaged one.
    """
    folder = Path(plan)
    found = read_plan(folder)
    done, missing, seconds = [], [], 0.0
    for tile in found.tiles:
        receipt = read_receipt(folder, found, tile)
        if receipt is None or changed_file(folder, receipt, thoroughly=False) is not None:
            missing.append(tile)
        else:
            done.append(tile)
            seconds += receipt.seconds
    locked = Leases(folder / LOCKS).held_by_others()
    return PlanStatus(found, tuple(done), tuple(missing), seconds, locked)
