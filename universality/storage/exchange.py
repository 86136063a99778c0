"""Renaming without loss: two places exchanged at once, or a name taken only if it is free."""

from __future__ import annotations

import ctypes
import errno
import os
from functools import cache
from pathlib import Path
from typing import Any

_HERE = -100
_NO_REPLACE, _EXCHANGE = 1, 2
_MISSING = (errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP, errno.ENOTTY, errno.EXDEV)


def exchange(a: Path, b: Path) -> bool:
    """Whether the two paths, which both exist, were exchanged, in one step that cannot be parted.

    False, and nothing was done, where the system or the file system has no such step: Linux has
    it on its own file systems, macOS and most network file systems do not.
    """
    return _rename(a, b, _EXCHANGE)


def rename_to_free(source: Path, target: Path) -> None:
    """Rename to a name that nothing has.

    Raises:
        FileExistsError: something has it.
        OSError: the name cannot be given for another reason.
    """
    if _rename(source, target, _NO_REPLACE):
        return
    if source.is_dir():
        if os.path.lexists(target):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(target))
        # What appears just now and holds anything makes this fail: rename(2) replaces no full
        # folder, and no file by a folder.
        source.rename(target)
    else:
        _link_to_free(source, target)


def _link_to_free(source: Path, target: Path) -> None:
    try:
        target.hardlink_to(source)
    except FileExistsError:
        raise
    except OSError:
        if os.path.lexists(target):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(target)) from None
        source.rename(target)
    else:
        source.unlink()


def _rename(source: Path, target: Path, flag: int) -> bool:
    function = _renameat2()
    if function is None:
        return False
    if function(_HERE, os.fsencode(source), _HERE, os.fsencode(target), flag) == 0:
        return True
    number = ctypes.get_errno()
    if number in _MISSING:
        return False
    raise OSError(number, os.strerror(number), str(source), None, str(target))


@cache
def _renameat2() -> Any:
    """The C library's call; None where it has none."""
    try:
        function = ctypes.CDLL(None, use_errno=True).renameat2
    except (AttributeError, OSError, TypeError):
        return None
    function.argtypes = (
        ctypes.c_int,
        ctypes.c_char_p,
        ctypes.c_int,
        ctypes.c_char_p,
        ctypes.c_uint,
    )
    return function
