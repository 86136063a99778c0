"""What a killed process left half done, put right at the next start."""

from __future__ import annotations

import logging
import os
import shutil
from contextlib import suppress
from pathlib import Path
from typing import assert_never

from universality.errors import FormatError
from universality.storage.exchange import rename_to_free
from universality.storage.owned import foreign_files
from universality.storage.traces import Trace, find_traces, was_cut
from universality.storage.writers import is_gone

NEW = "new"
"""Within a container: what is being made; once exchanged in one step, what it replaced."""

OLD = "old"
"""Within a container: what was moved aside where places cannot be exchanged in one step."""

EXCHANGING = "exchanging"
"""Within a container: the mark that `new` is whole, and the exchange begun."""

REPLACED = "replaced"
"""Within a container: what was replaced, and is known to have been ours alone."""

_log = logging.getLogger(__name__)


def recover(folder: Path) -> None:
    """Put right what processes of this host that are gone left half done in a folder.

    A result that was moved aside, and whose successor never came, is moved back; what was under way
    is removed. Anything in either that this program did not write is left, and named.
    """
    for trace in find_traces(folder):
        if not is_gone(trace.writer):
            continue
        match trace.kind:
            case "staging":
                _put_right(trace)
            case "partial" | "claim":
                with suppress(OSError):  # a folder that is only read stays as it is
                    trace.path.unlink()
            case _:
                assert_never(trace.kind)


def put_away(container: Path, target: Path) -> None:
    """Remove a container, but nothing in it that is the only copy of anything, or not ours."""
    old, new = container / OLD, container / NEW
    if old.is_dir() and not os.path.lexists(target):
        rename_to_free(old, target)
        _log.warning("%s was moved back to its place after an interrupted --overwrite", target)
    suspects = [old] if old.is_dir() else []
    if (container / EXCHANGING).exists() and new.is_dir():
        suspects.append(new)
    if any(_holds_foreign(one) for one in suspects):
        _log.warning("%s holds what this program did not write, and is left as it is", container)
        return
    shutil.rmtree(container, ignore_errors=True)


def _put_right(trace: Trace) -> None:
    if was_cut(trace) and (trace.path / OLD).is_dir():
        _log.warning("%s holds an earlier result; move it back from there by hand", trace.path)
        return
    try:
        put_away(trace.path, trace.path.with_name(trace.stem))
    except OSError as error:
        _log.warning("%s cannot be put right: %s", trace.path, error.strerror or error)


def _holds_foreign(folder: Path) -> bool:
    try:
        return bool(foreign_files(folder))
    except FormatError:
        return True
