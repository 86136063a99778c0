"""The end of a plan: the plain command, which finds its work done."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, assert_never

from universality.comparison.comparison import compare
from universality.distributed.planned_runs import PlannedRuns
from universality.distributed.planning import addresses_in, opened_plan
from universality.distributed.receipts import changed_file, read_receipt, void
from universality.distributed.shard import Shard, shard_from
from universality.distributed.work_plan import WORK, Tile, WorkPlan, read_plan
from universality.distributed.working import check_inputs, threads_set
from universality.errors import MissingFileError
from universality.publishing import publish_made
from universality.publishing.publishers import ManyRuns
from universality.recurrence.study import stability
from universality.results import Comparison, Stability
from universality.storage.kept import PairStore
from universality.storage.owned import in_words
from universality.validation import FLAG, PATH, takes


@takes(plan=PATH, folder=PATH, overwrite=FLAG)
def merge_work(
    plan: str | Path, folder: str | Path, *, overwrite: bool = False
) -> Comparison | Stability:
    """The result of a plan whose tiles are finished, in the folder that the plain command writes.

    It is the plain command, reading its work from the tiles: same functions, same bytes, but for
    the time in the manifest. The plan stays as it is.

    Args:
        plan: Its folder.
        folder: Where the result goes.
        overwrite: Replace an earlier result there.

    Raises:
        MissingFileError: a tile is missing, or not as it was when it was finished; the message
            names tiles, shards and the command that makes them.
        FormatError, InvalidInputError: as `work`, and as the planned function.
        OutputError: the folder cannot be written, or stands in the way.
    """
    place, found = Path(plan), read_plan(Path(plan))
    _check_whole(place, found)
    opened = opened_plan(found)
    check_inputs(place, found, opened.inputs)
    with threads_set(found.threads):
        return _published(place, found, opened, Path(folder), overwrite)


def _published(
    place: Path, plan: WorkPlan, opened: PlannedRuns, folder: Path, overwrite: bool
) -> Comparison | Stability:
    inputs: list[str | Path] = [place, *addresses_in(plan.arguments)]
    about: dict[str, Any] = {
        "inputs": inputs,
        "overwrite": overwrite,
        "command": [*plan.words, "--out", str(folder)] if plan.words else [],
        "settings": asdict(plan.policy),
    }
    given = {**plan.arguments, "policy": plan.policy, "store": PairStore(place / WORK)}
    runs = opened.opened
    match plan.command:
        case "compare":
            two = {"a": runs[0], "b": runs[1]}
            return publish_made(lambda: compare(**given | two), folder, **about)
        case "stability":
            dictionaries = opened.dictionaries
            many = {"runs": list(runs), "keys": None}
            return publish_made(
                lambda: ManyRuns(stability(**given | many), dictionaries), folder, **about
            ).result
        case _:
            assert_never(plan.command)


def _check_whole(folder: Path, plan: WorkPlan) -> None:
    """Nothing, when every tile is finished and its files are as they were, byte for byte."""
    missing, changed, shards = [], [], Counter[int]()
    for tile in plan.tiles:
        receipt = read_receipt(folder, plan, tile)
        if receipt is None:
            missing.append(tile)
            continue
        shards[shard_from(receipt.shard).of] += 1
        if (path := changed_file(folder, receipt, thoroughly=True)) is not None:
            void(folder, plan, tile, path)
            changed.append(f"{tile.name} ({path.name})")
    if changed:
        raise MissingFileError(
            f"{folder}: {len(changed)} tiles are not as they were when they were finished: "
            f"{in_words(changed)}; make them anew: universality work {folder}"
        )
    if missing:
        raise MissingFileError(
            f"{folder}: {len(missing)} of {len(plan.tiles)} tiles are missing: "
            f"{in_words([tile.name for tile in missing])}; {_advice(folder, plan, missing, shards)}"
        )


def _advice(folder: Path, plan: WorkPlan, missing: Sequence[Tile], shards: Counter[int]) -> str:
    """How to make what is missing: by the shards it belongs to, where the others ran as shards."""
    of = max(shards, key=lambda n: (shards[n], n), default=1)
    parts = [Shard(number, of) for number in range(of)]
    late = [str(part) for part in parts if set(part.part(plan.tiles)) & set(missing)]
    if of > 1 and len(late) < of:
        return (
            f"shards {in_words(late)} have not ended: universality work {folder} --shard " + late[0]
        )
    return f"make them: universality work {folder}"
