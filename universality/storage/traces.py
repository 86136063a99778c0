"""Names of unfinished files and folders: each says what it will be, and who writes it."""

from __future__ import annotations

import logging
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias, final, get_args

from universality.storage.writers import Writer, numbered_label, writer_of_label

_log = logging.getLogger(__name__)

Kind: TypeAlias = Literal["staging", "partial", "claim"]
"""A folder under way, a file under way, or the sign that a process writes into the folder."""

_TRACE = re.compile(r"\.(?P<stem>.+)\.(?P<label>[^.]+)~\d+\.(?P<kind>staging|partial|claim)", re.S)
_LONGEST_STEM = 150


@final
@dataclass(frozen=True)
class Trace:
    """An unfinished file or folder."""

    path: Path
    """Where it lies."""
    kind: Kind
    """Which kind it is."""
    stem: str
    """Name of what it is to become, cut where that is long."""
    writer: Writer
    """The process that made it."""


def new_trace(target: Path, kind: Kind) -> Path:
    """A path beside `target` for what is to become it, that no other process has."""
    return target.with_name(f".{_stem(target.name)}.{numbered_label()}.{kind}")


def find_traces(folder: Path) -> list[Trace]:
    """Every unfinished file or folder in a folder; none where there is no such folder."""
    try:
        paths = sorted(folder.iterdir())
    except OSError:
        return []
    return [found for path in paths if (found := read_trace(path)) is not None]


def read_trace(path: Path) -> Trace | None:
    """What the name of an unfinished file says; None for any other file."""
    found = _TRACE.fullmatch(path.name)
    writer = writer_of_label(found["label"]) if found else None
    if not (found and writer):
        return None
    kind = next(kind for kind in get_args(Kind) if kind == found["kind"])
    return Trace(path, kind, found["stem"], writer)


def name_left(trace: Trace) -> None:
    """Say of an unfinished thing of another host that it is left as it is."""
    _log.warning(
        "%s was begun by %s, which cannot be seen from here, and is left as it is; delete it when "
        "that process has ended",
        trace.path,
        trace.writer,
    )


def was_cut(trace: Trace) -> bool:
    """Whether the name of what it is to become may be longer than it says."""
    return len(os.fsencode(trace.stem)) >= _LONGEST_STEM


def _stem(name: str) -> str:
    return os.fsdecode(os.fsencode(name)[:_LONGEST_STEM])
