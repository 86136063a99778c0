"""Which process writes: a label that unfinished files carry, and whether that process is gone."""

from __future__ import annotations

import hashlib
import os
import re
import socket
from dataclasses import dataclass
from functools import cache
from itertools import count
from pathlib import Path
from typing import final

_UNKNOWN = "0"
_LONGEST_HOST = 24
_ENDED = ("Z", "X")
_NUMBERS = count()
_LABEL = re.compile(
    r"(?P<host>[A-Za-z0-9-]+)~(?P<boot>[0-9a-f]+)~(?P<room>[0-9a-f]+)~(?P<pid>\d+)~(?P<start>\d+)"
)


@final
@dataclass(frozen=True)
class Writer:
    """A process on a host, told from every earlier and later one of the same number."""

    host: str
    """The host's name, and a hash that tells hosts of one name apart."""
    boot: str
    """Which start of that host; `0` where the system does not say."""
    room: str
    """Which space of process numbers (containers have their own); `0` where there is but one."""
    pid: int
    """Number of the process."""
    start: str
    """When it started, in the system's ticks; `0` where the system does not say."""

    @property
    def label(self) -> str:
        """The writer as part of a file's name."""
        return "~".join((self.host, self.boot, self.room, str(self.pid), self.start))

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host.rpartition('-')[0]}"


def this_writer() -> Writer:
    """The process that asks."""
    return Writer(_host(), _boot(), _room(), os.getpid(), _start(os.getpid()) or _UNKNOWN)


def writer_of_label(text: str) -> Writer | None:
    """The writer of a label; None when the text is no label."""
    found = _LABEL.fullmatch(text)
    if found is None:
        return None
    return Writer(found["host"], found["boot"], found["room"], int(found["pid"]), found["start"])


def is_here(writer: Writer) -> bool:
    """Whether this process can tell if that one runs: same host, and its process numbers."""
    this = this_writer()
    return writer.host == this.host and (writer.boot, writer.room) == (this.boot, this.room)


def is_gone(writer: Writer) -> bool:
    """Whether the process has certainly ended.

    A process of another host, or of another container on this one, may be running for all that can
    be seen from here. So may one whose number is in use where the system tells no start times.
    """
    this = this_writer()
    if writer.host != this.host:
        return False
    if writer.boot != this.boot:
        return _UNKNOWN not in (writer.boot, this.boot)
    if writer.room != this.room:
        return False
    return not _runs(writer)


def numbered_label() -> str:
    """The label of this process with a number that no other file of it has."""
    return f"{this_writer().label}~{next(_NUMBERS)}"


def _runs(writer: Writer) -> bool:
    if os.name != "posix":
        return True
    try:
        os.kill(writer.pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return writer.start == _UNKNOWN or writer.start == _start(writer.pid)


@cache
def _host() -> str:
    name = socket.gethostname()
    machine = _read("/etc/machine-id") or ""
    tag = hashlib.sha256(f"{name}/{machine}".encode()).hexdigest()[:8]
    plain = re.sub(r"[^A-Za-z0-9]+", "-", name).strip("-")[:_LONGEST_HOST] or "host"
    return f"{plain}-{tag}"


@cache
def _boot() -> str:
    found = _read("/proc/sys/kernel/random/boot_id")
    return found.replace("-", "")[:12] if found else _UNKNOWN


@cache
def _room() -> str:
    try:
        return f"{Path('/proc/self/ns/pid').stat().st_ino:x}"
    except OSError:
        return _UNKNOWN


def _start(pid: int) -> str | None:
    """Field 22 of the process's line, where the system has such; None of one that has ended.

    The command, in brackets before the third field, may hold anything.
    """
    line = _read(f"/proc/{pid}/stat")
    if not line:
        return None
    fields = line.rpartition(")")[2].split()
    return None if fields[0] in _ENDED else fields[19]


def _read(path: str) -> str | None:
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return None
