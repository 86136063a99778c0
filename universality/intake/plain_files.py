"""Files as they are on disk, before anything is read: nothing that would never end."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

from universality.errors import FormatError, MissingFileError

_KINDS = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a pipe (FIFO)"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
    (stat.S_ISSOCK, "a socket"),
)

_BLOCK = 512
_LARGE = 2**30
_HOLES = 100


def check_plain(path: Path, *, largest: int | None = None) -> None:
    """Nothing, when the path is a plain file (or a link to one) of at most `largest` bytes.

    Pipes and devices would be waited for, or read, without end. A large file that is nearly all
    holes (sparse) would be read for minutes, and hold zeros.

    Raises:
        MissingFileError: there is nothing, or a link that leads nowhere or in a circle.
        FormatError: it is something else than a plain file, too large, or mostly holes.
    """
    try:
        found = path.stat()
    except (FileNotFoundError, NotADirectoryError) as error:
        raise MissingFileError(f"no such file: {path}") from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise MissingFileError(f"{path} cannot be reached: {reason}") from error
    if not stat.S_ISREG(found.st_mode):
        kind = next((word for is_kind, word in _KINDS if is_kind(found.st_mode)), "no file")
        raise FormatError(f"{path} is {kind}; give a plain file")
    if largest is not None and found.st_size > largest:
        raise FormatError(
            f"{path} holds {found.st_size:,} bytes, more than a file of its kind can "
            f"({largest:,}); it is something else, or damaged"
        )
    held = getattr(found, "st_blocks", 0) * _BLOCK
    if found.st_size > _LARGE and held * _HOLES < found.st_size and (held or _is_one_hole(path)):
        raise FormatError(
            f"{path} says it holds {found.st_size:,} bytes, and {held:,} are on the disk: "
            "the rest are holes, as an interrupted download leaves; copy or download it again"
        )


def _is_one_hole(path: Path) -> bool:
    """Whether no byte of the file is on the disk; where nothing counts blocks, that they are."""
    if not hasattr(os, "SEEK_DATA"):
        return False
    with path.open("rb") as file:
        try:
            os.lseek(file.fileno(), 0, os.SEEK_DATA)
        except OSError as error:
            return error.errno == errno.ENXIO
    return False


def memory() -> int:
    """Bytes of memory that this machine has; a tebibyte where it does not say."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):
        return 2**40
