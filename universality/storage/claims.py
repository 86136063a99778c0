"""One writer at a time: the sign of a process in the folder that it writes into."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from universality.errors import OutputError
from universality.storage.held_interrupts import shielded
from universality.storage.recovery import put_away, recover
from universality.storage.traces import Trace, find_traces, name_left, new_trace, read_trace
from universality.storage.writers import is_gone, is_here

_TRIES = 4
_LONGEST_WAIT = 0.05


@contextmanager
def claimed(folder: Path, *, option: str = "--out") -> Iterator[None]:
    """The folder, which must exist, for this process alone while the block runs.

    What processes of this host left unfinished there is removed, that of another host named and
    left: whether it runs cannot be told from here.

    Raises:
        OutputError: another process of this host writes into it, or it cannot be written.
    """
    mine = new_trace(folder / "writing", "claim")
    try:
        _be_alone(mine, _touch, place=folder, option=option)
        recover(folder)
        yield
    finally:
        with shielded():
            mine.unlink(missing_ok=True)


@contextmanager
def claimed_place(
    target: Path, *, place: Path | None = None, option: str | None = "--out"
) -> Iterator[Path]:
    """A folder beside `target`, made for this process alone to make `target` in.

    The parent of `target` is made where it is missing. What processes of this host left half done
    beside it is put right first. The folder is removed at the end.

    Args:
        target: What is to be made.
        place: What messages name; `target` unless it is given.
        option: The flag that chose it; None where none did.

    Raises:
        OutputError: another process of this host makes `target`, or the parent cannot be written.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"cannot write into {target.parent}: {error.strerror}") from error
    recover(target.parent)
    container = new_trace(target, "staging")
    try:
        _be_alone(container, Path.mkdir, place=place or target, option=option)
        yield container
    finally:
        with shielded():
            put_away(container, target)


def _be_alone(
    mine: Path, make: Callable[[Path], object], *, place: Path, option: str | None
) -> None:
    """Make the sign of this process, once no other process of this host has such a sign."""
    tries = _TRIES
    while True:
        tries -= 1
        _make(mine, make)
        others = _others(mine)
        here = [other for other in others if is_here(other.writer)]
        if not here:
            for other in others:
                name_left(other)
            return
        # Two that come at once see each other: both step back, and one will be first.
        _unmake(mine)
        if not tries:
            another = f", or choose another {option}" if option else ""
            raise OutputError(
                f"{place}: {here[0].writer} is writing there now; wait until it has ended{another}"
            )
        time.sleep(random.uniform(0, _LONGEST_WAIT))


def _others(mine: Path) -> list[Trace]:
    """The signs of other processes that may be running, of the same kind and for the same place."""
    own = read_trace(mine)
    return [
        found
        for found in find_traces(mine.parent)
        if own is not None
        and (found.kind, found.stem) == (own.kind, own.stem)
        and found.path != mine
        and not is_gone(found.writer)
    ]


def _make(mine: Path, make: Callable[[Path], object]) -> None:
    try:
        make(mine)
    except OSError as error:
        raise OutputError(f"cannot write into {mine.parent}: {error.strerror}") from error


def _unmake(mine: Path) -> None:
    if mine.is_dir():
        mine.rmdir()
    else:
        mine.unlink()


def _touch(path: Path) -> None:
    path.touch(exist_ok=False)
