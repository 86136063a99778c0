"""Which cells a folder of runs was last asked for, so that another grid is not mixed into it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from universality.errors import OutputError
from universality.storage.dependencies import digest, read_note
from universality.storage.staged_files import staged_file
from universality.training.one_run import RunPlace

_NOTE = "grid.json"
_SCHEMA = "universality.training_grid/1"
_NAMED = 6


def check_grid(out: Path, places: Mapping[str, RunPlace]) -> None:
    """Nothing, when no cell of an earlier grid there is unfinished and not asked for now.

    A finished grid can be added to, and one asked for again with more cells.

    Raises:
        OutputError: it is another grid; both are named.
    """
    note = read_note(out / _NOTE)
    if note is None:
        return
    before = list(note.get("cells", {}))
    left = [
        name for name in before if name not in places and not (out / name / "cfg.json").is_file()
    ]
    if left:
        raise OutputError(
            f"{out} holds an unfinished grid of {_listed(before)}, of which {_listed(left)} "
            f"are not among those asked for now: {_listed(list(places))}; finish that grid with "
            "its own options, or choose another --out"
        )


def write_grid(out: Path, places: Mapping[str, RunPlace]) -> None:
    """Note the cells, with a digest of what each depends on, beside those noted before."""
    note = read_note(out / _NOTE) or {}
    cells = dict(note.get("cells", {})) | {
        name: digest(place.depends_on) for name, place in places.items()
    }
    if cells == note.get("cells"):
        return
    out.mkdir(parents=True, exist_ok=True)
    content = {"schema": _SCHEMA, "cells": cells}
    with staged_file(out / _NOTE) as staged:
        staged.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def _listed(names: list[str]) -> str:
    shown = ", ".join(names[:_NAMED])
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return f"{len(names)} cells ({shown}{more})" if len(names) > 1 else names[0]
