"""The note of a finished tile: for which plan, which files it stands for, and their hashes."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import final

from universality.distributed.shard import Shard
from universality.distributed.work_plan import DONE, WORK, Tile, WorkPlan
from universality.errors import FormatError, MissingFileError
from universality.intake.fields import Fields
from universality.intake.json_files import read_mapping
from universality.storage.dependencies import digest
from universality.storage.json_output import write_json
from universality.storage.manifest import hash_file
from universality.storage.writers import this_writer

_SCHEMA = "universality.tile/1"
_KEPT = re.compile(r"[0-9a-f]{64}\.npz")


@final
@dataclass(frozen=True, eq=False)
class Receipt:
    """What was noted when a tile was finished."""

    tile: str
    """Its name."""
    files: Mapping[str, tuple[int, str]]
    """Size and hash of each file that it stands for, by its path from the folder of the work."""
    seconds: float
    """How long it took."""
    shard: str
    """Which shard of how many finished it, such as `0/1`."""


def tile_digest(plan: WorkPlan, tile: Tile) -> str:
    """The name of all that belongs to a tile of a plan."""
    return digest({"plan": plan.sha256, "tile": tile.name})


def write_receipt(
    folder: Path,
    plan: WorkPlan,
    tile: Tile,
    *,
    files: Collection[Path],
    seconds: float,
    shard: Shard,
) -> None:
    """Note that a tile of the plan in a folder is finished.

    Raises:
        OutputError: it cannot be written.
    """
    work = folder / WORK
    found = {path.relative_to(work).as_posix(): path for path in sorted(set(files))}
    path = _path(folder, plan, tile)
    path.parent.mkdir(exist_ok=True)
    content = {
        "schema": _SCHEMA,
        "plan": plan.sha256,
        "tile": tile.name,
        "files": {name: [one.stat().st_size, hash_file(one)] for name, one in found.items()},
        "seconds": round(seconds, 3),
        "shard": str(shard),
        "by": str(this_writer()),
    }
    write_json(content, path)


def read_receipt(folder: Path, plan: WorkPlan, tile: Tile) -> Receipt | None:
    """The note of a tile; None where it is not finished, or its note is damaged or another's."""
    path = _path(folder, plan, tile)
    try:
        fields = Fields(str(path), read_mapping(path))
        if (fields.text("plan"), fields.text("tile")) != (plan.sha256, tile.name):
            return None
        files = {
            name: (int(size), str(hashed))
            for name, (size, hashed) in fields.mapping("files").items()
        }
        return Receipt(tile.name, files, fields.number("seconds"), fields.text("shard"))
    except (MissingFileError, FormatError, TypeError, ValueError):
        return None


def changed_file(folder: Path, receipt: Receipt, *, thoroughly: bool) -> Path | None:
    """The first file of a finished tile that is gone or not as it was; None where all are.

    Thoroughly by their bytes, otherwise by their size.
    """
    for name, (size, hashed) in receipt.files.items():
        path = (folder / WORK) / name
        if not path.is_file() or path.stat().st_size != size:
            return path
        if thoroughly and hash_file(path) != hashed:
            return path
    return None


def void(folder: Path, plan: WorkPlan, tile: Tile, changed: Path) -> None:
    """Make a tile count as missing: its note goes, and the file of ours that is not as it was."""
    with suppress(FileNotFoundError):
        _path(folder, plan, tile).unlink()
    if _KEPT.fullmatch(changed.name) and not changed.is_symlink():
        changed.unlink(missing_ok=True)


def _path(folder: Path, plan: WorkPlan, tile: Tile) -> Path:
    return folder / DONE / f"{tile_digest(plan, tile)}.json"
