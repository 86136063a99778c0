"""A result that is one file: made for one process alone, put in its place whole, or not at all."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from universality.errors import OutputError, UniversalityError
from universality.storage.claims import claimed_place
from universality.storage.exchange import rename_to_free
from universality.storage.held_interrupts import shielded
from universality.storage.staged_files import full_disk_said


@contextmanager
def new_file(target: Path, *, overwrite: bool, is_ours: Callable[[Path], object]) -> Iterator[Path]:
    """A path beside `target`; what the block writes there becomes `target` when it ends.

    Whether `target` may be written is asked before the block and again at its end. `is_ours` reads
    a file as what this program writes there, or raises one of its errors.

    Raises:
        OutputError: `target` exists and `overwrite` is off, or it is nothing that this program
            wrote; another process makes it; it cannot be written, or the disk is full.
    """
    target = target.absolute()
    _check_free(target, overwrite=overwrite, is_ours=is_ours)
    with claimed_place(target) as container, full_disk_said(target, container):
        staged = container / "made"
        yield staged
        with shielded():
            _check_free(target, overwrite=overwrite, is_ours=is_ours)
            _put(staged, target)


def _check_free(target: Path, *, overwrite: bool, is_ours: Callable[[Path], object]) -> None:
    if not os.path.lexists(target):
        return
    if not overwrite:
        raise OutputError(f"{target} exists; pass --overwrite to replace it, or choose another")
    try:
        is_ours(target)
    except UniversalityError as error:
        raise OutputError(
            f"{target} is nothing that this program wrote there, and is left alone ({error}); "
            "choose another --out"
        ) from error


def _put(staged: Path, target: Path) -> None:
    try:
        if os.path.lexists(target):
            staged.replace(target)
        else:
            rename_to_free(staged, target)
    except OSError as error:
        raise OutputError(f"cannot write {target}: {error.strerror or error}") from error
