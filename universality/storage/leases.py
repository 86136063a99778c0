"""One process at a time for one piece of work: a lock file that lives as long as its holder beats.

Made for folders that several machines share. A lock is a file that can be created once; its holder
touches it now and then. A holder that has ended on this host, or whose lock was not touched for a
lease, holds nothing any more. In the worst case (a process that stood still for longer than that
and goes on) two do the same work, and write the same file under the same name.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import final

from universality.errors import OutputError
from universality.storage.traces import new_trace
from universality.storage.writers import is_gone, this_writer, writer_of_label

LEASE = 300.0
"""Seconds without a sign of life after which a lock on another host counts as left."""
PATIENCE = 86_400.0
"""Seconds after which waiting for a living holder is given up."""

_BEATS_PER_LEASE = 6
_LONGEST_LABEL = 400
_FIRST_LOOK, _LAST_LOOK = 0.02, 1.0


@final
class Leases:
    """The locks in one folder, as this process sees and holds them."""

    def __init__(self, folder: Path, *, seconds: float = LEASE, patience: float = PATIENCE) -> None:
        self._folder, self._seconds, self._patience = folder, seconds, patience
        self._seen: dict[Path, tuple[int, float]] = {}
        self._held: set[Path] = set()
        self._guard = threading.Lock()
        self._beating: threading.Thread | None = None

    @contextmanager
    def tried(self, name: str) -> Iterator[bool]:
        """Whether the lock of this name is held by this process while the block runs.

        Raises:
            OutputError: the folder cannot be written.
        """
        path = self._folder / f"{name}.lock"
        taken = self._take(path)
        try:
            yield taken
        finally:
            if taken:
                self._leave(path)

    @contextmanager
    def held(self, name: str, *, until: Callable[[], bool], what: str) -> Iterator[None]:
        """The lock of this name while the block runs, waited for; not held where `until` holds.

        Args:
            name: Of the lock.
            until: Whether what the lock guards is done, so that nobody need hold it.
            what: What is waited for, in a message.

        Raises:
            OutputError: another process held it for longer than this one waits.
        """
        path, begun, pause = self._folder / f"{name}.lock", time.monotonic(), _FIRST_LOOK
        taken = self._take(path)
        while not taken and not until():
            if time.monotonic() - begun > self._patience:
                raise OutputError(
                    f"waited {self._patience:,.0f} s for {what}, which {self.holder(name)} "
                    "still makes; end that process if it hangs, and run the same command again"
                )
            time.sleep(pause)
            pause = min(2 * pause, _LAST_LOOK)
            taken = self._take(path)
        try:
            yield
        finally:
            if taken:
                self._leave(path)

    def holder(self, name: str) -> str:
        """Who holds the lock, in words."""
        writer = writer_of_label(_label_in(self._folder / f"{name}.lock"))
        return "another process" if writer is None else str(writer)

    def held_by_others(self) -> int:
        """How many locks processes hold that may be alive, as far as can be seen from here."""
        locks = self._folder.glob("*.lock") if self._folder.is_dir() else []
        return sum(not self._is_left(path) for path in locks)

    def _take(self, path: Path) -> bool:
        if path.exists():
            if not self._is_left(path):
                return False
            with suppress(OSError):  # another process took it away first
                aside = path.rename(new_trace(path, "claim"))
                aside.unlink()
        number = self._created(path)
        if number is None:
            return False
        with os.fdopen(number, "w", encoding="utf-8") as file:
            file.write(this_writer().label)
        with self._guard:
            self._held.add(path)
            if self._beating is None:
                self._beating = threading.Thread(target=self._beat, daemon=True)
                self._beating.start()
        return True

    def _created(self, path: Path) -> int | None:
        """The lock file, open, and made by this process; None where another was first."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            try:
                return os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666)
            except FileExistsError:
                return None
        except OSError as error:
            raise OutputError(f"cannot write into {self._folder}: {error.strerror}") from error

    def _leave(self, path: Path) -> None:
        with self._guard:
            self._held.discard(path)
        if _label_in(path) == this_writer().label:
            path.unlink(missing_ok=True)

    def _is_left(self, path: Path) -> bool:
        """Whether its holder has ended, or gave no sign of life for a lease that we watched.

        Times are told by this process's own clock: those of two hosts may differ.
        """
        try:
            touched = path.stat().st_mtime_ns
        except OSError:
            return True
        writer = writer_of_label(_label_in(path))
        if writer is not None and is_gone(writer):
            return True
        seen, since = self._seen.get(path, (-1, 0.0))
        if seen != touched:
            self._seen[path] = (touched, time.monotonic())
            return False
        return time.monotonic() - since > self._seconds

    def _beat(self) -> None:
        while True:
            time.sleep(self._seconds / _BEATS_PER_LEASE)
            with self._guard:
                if not self._held:
                    self._beating = None
                    return
                held = list(self._held)
            for path in held:
                with suppress(OSError):
                    os.utime(path)


def _label_in(path: Path) -> str:
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            return file.read(_LONGEST_LABEL)
    except OSError:
        return ""
