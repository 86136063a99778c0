"""Files that are whole or absent: written beside their place, renamed at the end."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from safetensors import SafetensorError

from universality.errors import OutputError, UniversalityError
from universality.storage.held_interrupts import shielded
from universality.storage.traces import new_trace

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_SAYS_FULL = ("No space left", "Disk quota exceeded", "File too large", "file write failed")
_ADVICE = "make room, or choose another place, and run the same command again"


@contextmanager
def staged_file(target: Path) -> Iterator[Path]:
    """A path beside `target`; what the block writes there becomes `target` when it ends.

    Every file that must never be seen half written comes from here: an error, a signal or a full
    disk leaves `target` as it was. Its bytes are on the disk before it has its name. A process that
    is killed leaves the unfinished file under a name that says whose it is (`sweep_files`).

    Raises:
        OutputError: the disk is full, or `target` cannot be written for another reason.
    """
    staged = new_trace(target, "partial")
    try:
        yield staged
        with shielded():
            _to_disk(staged)
            staged.chmod(0o666 & ~current_umask())
            staged.replace(target)
    except UniversalityError:
        raise
    except (OSError, SafetensorError, RuntimeError) as error:
        if not isinstance(error, OSError | SafetensorError) and not is_full(error):
            raise
        reason = getattr(error, "strerror", None) or error
        raise OutputError(f"cannot write {target}: {reason}; {_ADVICE}") from error
    finally:
        with shielded():
            staged.unlink(missing_ok=True)


@contextmanager
def full_disk_said(target: Path, within: Path, *, option: str = "--out") -> Iterator[None]:
    """A full disk in the block, however the library that wrote says so, is an error of ours.

    It names `target`; a file `within` the folder it is made in means nothing to anyone.

    Raises:
        OutputError: the disk is full.
    """
    try:
        yield
    except (OSError, SafetensorError, RuntimeError, ValueError) as error:
        if not is_full(error) or (
            isinstance(error, UniversalityError) and str(within) not in str(error)
        ):
            raise
        reason = getattr(error, "strerror", None) or os.strerror(errno.ENOSPC)
        raise OutputError(
            f"cannot write {target}: {reason}; nothing was left behind; make room, or choose "
            f"another {option}, and run the same command again"
        ) from error


def is_full(error: BaseException) -> bool:
    """Whether an error, or what led to it, says that no more can be written.

    Libraries that write for us give their own errors, some with nothing but the words.
    """
    while True:
        if getattr(error, "errno", None) in _FULL or any(w in str(error) for w in _SAYS_FULL):
            return True
        led = error.__cause__ or error.__context__
        if led is None:
            return False
        error = led


def current_umask() -> int:
    """The modes that new files do without."""
    umask = os.umask(0)
    os.umask(umask)
    return umask


def _to_disk(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())
