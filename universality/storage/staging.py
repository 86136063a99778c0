"""Folders and files that are whole or absent: written beside their place, renamed at the end."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from safetensors import SafetensorError

from universality.errors import OutputError


@contextmanager
def staged_folder(target: str | Path, *, overwrite: bool = False) -> Iterator[Path]:
    """An empty folder beside `target` that becomes `target` when the block ends without an error.

    An error, or Ctrl-C, in the block removes it and leaves `target` as it was. An empty folder
    at `target` counts as absent.

    Raises:
        OutputError: `target` exists and `overwrite` is off, its parent cannot be written, or the
            disk is full.
    """
    target = Path(target)
    _check_free(target, overwrite=overwrite)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        staged = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    except OSError as error:
        raise OutputError(f"cannot write into {target.parent}: {error.strerror}") from error
    try:
        yield staged
        _give_usual_modes(staged)
        _move_into_place(staged, target)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise OutputError(
            f"cannot write {target}: {os.strerror(error.errno)}; nothing was left behind; make "
            "room, or choose another --out, and run the same command again"
        ) from error
    finally:
        shutil.rmtree(staged, ignore_errors=True)


@contextmanager
def staged_file(target: Path) -> Iterator[Path]:
    """A path beside `target`; what the block writes there becomes `target` when it ends.

    An error, or Ctrl-C, in the block removes it and leaves `target` as it was.

    Raises:
        OutputError: the disk is full, or `target` cannot be written for another reason.
    """
    staged = target.with_name(f".{target.name}.partial")
    try:
        yield staged
        staged.chmod(0o644)
        staged.replace(target)
    except (OSError, SafetensorError) as error:
        reason = getattr(error, "strerror", None) or error
        raise OutputError(
            f"cannot write {target}: {reason}; make room, or choose another place, and run the "
            "same command again"
        ) from error
    finally:
        staged.unlink(missing_ok=True)


def _check_free(target: Path, *, overwrite: bool) -> None:
    if target.is_dir():
        if not overwrite and any(target.iterdir()):
            raise OutputError(
                f"{target} exists already; choose another folder or pass --overwrite "
                "(`overwrite=True`)"
            )
    elif target.exists() or target.is_symlink():
        raise OutputError(f"{target} exists and is not a folder; choose another name")


def _give_usual_modes(folder: Path) -> None:
    """Modes as for any new file: temporary folders, and safetensors' files, are private."""
    umask = os.umask(0)
    os.umask(umask)
    for path in (folder, *folder.rglob("*")):
        path.chmod((0o777 if path.is_dir() else 0o666) & ~umask)


def _move_into_place(staged: Path, target: Path) -> None:
    if not target.exists():
        staged.rename(target)
        return
    retired = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    target.rename(retired / "old")
    try:
        staged.rename(target)
    except OSError:
        (retired / "old").rename(target)
        raise
    finally:
        shutil.rmtree(retired, ignore_errors=True)
