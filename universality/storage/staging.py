"""Folders that are whole or absent: made beside their place, exchanged with it at the end.

What stands at the place is replaced only if this program wrote all of it, by the list it keeps
there, looked at once more in the moment of the exchange. Where two folders cannot be exchanged in
one step, the old one is moved aside first; the next start moves it back if there was no second.
"""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from universality.errors import FormatError, OutputError
from universality.storage.claims import claimed_place
from universality.storage.exchange import exchange, rename_to_free
from universality.storage.held_interrupts import shielded
from universality.storage.manifest import MANIFEST
from universality.storage.owned import dropped_files, foreign_files, in_words, is_dropped
from universality.storage.places import real_place
from universality.storage.recovery import EXCHANGING, NEW, OLD, REPLACED, recover
from universality.storage.staged_files import current_umask, full_disk_said

_Checked = dict[str, tuple[int, ...]]


@contextmanager
def staged_folder(
    target: str | Path, *, overwrite: bool = False, option: str = "--out"
) -> Iterator[Path]:
    """An empty folder beside `target` that becomes `target` when the block ends without an error.

    An error, or a signal, in the block removes it and leaves `target` as it was. An empty folder at
    `target` counts as absent; a link there is followed. With `overwrite` a folder that this program
    wrote is replaced, and files that an operating system dropped into it are carried over. What was
    made is never lost: where its place was taken meanwhile, it is kept under a free name beside.

    Args:
        target: The place.
        overwrite: Whether an earlier result of ours may stand there.
        option: The flag that chose the place, for messages.

    Raises:
        OutputError: `target` exists and `overwrite` is off, holds anything that is not ours, is
            being written by another process, or cannot be written; the disk is full.
    """
    target = real_place(Path(target), option=option)
    with claimed_place(target, option=option) as container:
        recover(target)
        checked: _Checked = {}
        _check_free(target, overwrite=overwrite, option=option, checked=checked)
        staged = container / NEW
        with full_disk_said(target, container, option=option):
            staged.mkdir()
            yield staged
            _give_usual_modes(staged)
        with shielded():
            _move_into_place(container, target, overwrite=overwrite, checked=checked)


def is_free(target: Path) -> bool:
    """Whether nothing stands there but what an operating system drops into an empty folder."""
    if not target.is_dir():
        return not os.path.lexists(target)
    return all(path.is_file() and is_dropped(path.name) for path in target.iterdir())


def check_ours(folder: Path, *, option: str = "--out", checked: _Checked | None = None) -> None:
    """Nothing, when everything in an existing folder was written by this program.

    Raises:
        OutputError: something else is in it; the message names it and both ways out.
    """
    try:
        foreign = foreign_files(folder, checked)
    except FormatError as error:
        raise OutputError(
            f"{error}; --overwrite replaces only results of this program: choose another {option}, "
            f"or move {folder} away"
        ) from error
    if not foreign:
        return
    if not (folder / MANIFEST).exists() and not (folder / "cfg.json").exists():
        raise OutputError(
            f"{folder} holds no {MANIFEST}, so it is no result of this program and --overwrite "
            f"leaves it alone ({in_words(foreign)}); choose another {option}, or move it away"
        )
    raise OutputError(
        f"{folder} holds what this program did not write: {in_words(foreign)}; move that out of "
        f"the folder, or choose another {option}"
    )


def _check_free(target: Path, *, overwrite: bool, option: str, checked: _Checked) -> None:
    if not target.is_dir():
        if os.path.lexists(target):
            raise OutputError(f"{target} exists and is not a folder; choose another {option}")
    elif not is_free(target):
        if not overwrite:
            raise OutputError(
                f"{target} exists already; choose another folder or pass --overwrite "
                "(`overwrite=True`)"
            )
        check_ours(target, option=option, checked=checked)


def _move_into_place(container: Path, target: Path, *, overwrite: bool, checked: _Checked) -> None:
    staged = container / NEW
    try:
        if not (target.is_dir() and any(target.iterdir())):
            # An empty folder gives way; one that has been filled, or a file, does not.
            staged.rename(target)
            return
        if not (overwrite or is_free(target)):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(target))
        check_ours(target, checked=checked)
        _replace(container, target, checked)
    except OSError as error:
        raise _kept_beside(staged, target, error) from error


def _replace(container: Path, target: Path, checked: _Checked) -> None:
    """Put what was made in the place of what is there, unless that turns out not to be ours."""
    staged = container / NEW
    _carry_over(target, staged)
    (container / EXCHANGING).touch()
    at_once = exchange(staged, target)
    replaced = staged if at_once else container / OLD
    if not at_once:
        target.rename(replaced)
    try:
        check_ours(replaced, checked=checked)
        if not at_once:
            rename_to_free(staged, target)
    except OSError:
        if at_once:
            exchange(staged, target)
        else:
            rename_to_free(replaced, target)
        (container / EXCHANGING).unlink()
        raise
    _carry_over(replaced, target)
    replaced.rename(container / REPLACED)


def _carry_over(old: Path, new: Path) -> None:
    for name in dropped_files(old):
        if not os.path.lexists(new / name):
            (new / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(old / name, new / name, follow_symlinks=False)


def _kept_beside(staged: Path, target: Path, error: OSError) -> OutputError:
    """The error that says where the finished work lies, and why not in its place."""
    why = str(error) if isinstance(error, OutputError) else None
    if why is None and os.path.lexists(target):
        why = f"{target} appeared while this ran, and is left as it is"
    number = 2
    while True:
        beside = target.with_name(f"{target.name}-{number}")
        try:
            rename_to_free(staged, beside)
        except FileExistsError:
            number += 1
        else:
            return OutputError(
                f"{why or f'cannot write {target}: {_reason(error)}'}. What was made is whole, in "
                f"{beside}"
            )


def _reason(error: BaseException) -> str:
    return getattr(error, "strerror", None) or str(error)


def _give_usual_modes(folder: Path) -> None:
    """Modes as for any new file: safetensors' files, and temporary folders, are private."""
    umask = current_umask()
    for path in (folder, *folder.rglob("*")):
        path.chmod((0o777 if path.is_dir() else 0o666) & ~umask)
