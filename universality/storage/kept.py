"""Finished work kept on disk, so that an interrupted study goes on where it stopped."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import final

import numpy as np

from universality._version import __version__
from universality.errors import FormatError, MissingFileError, OutputError
from universality.intake.damage import damage_named
from universality.intake.plain_files import check_plain
from universality.storage.dependencies import read_note, write_note
from universality.storage.leases import Leases
from universality.storage.owned import in_words, is_dropped
from universality.storage.recovery import recover
from universality.storage.staged_files import staged_file
from universality.storage.traces import read_trace
from universality.validation import PATH, Is, either

_SCHEMA = "universality.pairs/1"
_NOTE = "pairs.json"
_KEY = "key"
_NAME = re.compile(r"[0-9a-f]{64}\.npz")


@final
@dataclass(frozen=True)
class PairStore:
    """A folder with one file for each matched pair of runs and view, and each draw of a null."""

    folder: Path
    """Where the files lie; made when the first is written."""
    leases: Leases | None = None
    """How several processes that fill the folder keep from doing the same work; None for one
    process alone."""
    used: Callable[[Path], object] | None = None
    """Told of every file that is read or written."""

    def path(self, key: str) -> Path:
        """The file of a piece of work; the key says everything that its result depends on."""
        return self.folder / f"{hashlib.sha256(_whole(key).encode()).hexdigest()}.npz"


STORE = either(PATH, Is((PairStore,), "a PairStore"), None)
"""What public functions take for the place of kept work."""


def as_store(store: PairStore | str | PathLike[str] | None) -> PairStore | None:
    """The store, its folder begun; None where nothing is to be kept.

    Raises:
        OutputError: the folder holds something else, or cannot be written.
    """
    if store is None:
        return None
    found = store if isinstance(store, PairStore) else PairStore(Path(store))
    begin_store(found.folder)
    return found


def kept(
    store: PairStore | None, key: str, make: Callable[[], Mapping[str, np.ndarray]]
) -> Mapping[str, np.ndarray]:
    """The arrays kept under a key, or made now and kept; made every time without a store.

    The key, and the version of this package, are kept inside the file: what has the name of a piece
    of work and is another is made anew.

    Raises:
        OutputError: the folder holds something else, or cannot be written.
    """
    if store is None:
        return make()
    path = store.path(key)
    found = _found(path, key)
    if found is None:
        with _alone(store, path):
            found = _found(path, key) if store.leases is not None else None
            found = _written(store.folder, path, key, make()) if found is None else found
    if store.used is not None:
        store.used(path)
    return found


def _found(path: Path, key: str) -> Mapping[str, np.ndarray] | None:
    found = _read(path)
    return found if found is not None and str(found.pop(_KEY, "")) == _whole(key) else None


def _written(
    folder: Path, path: Path, key: str, made: Mapping[str, np.ndarray]
) -> Mapping[str, np.ndarray]:
    begin_store(folder)
    with staged_file(path) as staged, staged.open("wb") as file:
        np.savez(file, allow_pickle=False, **{_KEY: np.array(_whole(key))}, **made)
    return made


def _alone(store: PairStore, path: Path) -> AbstractContextManager[None]:
    """In the block no other process makes the same, where several share the folder."""
    if store.leases is None:
        return nullcontext()
    return store.leases.held(path.stem, until=path.exists, what=path.name)


def begin_store(folder: Path) -> None:
    """Make the folder of kept work, or find that it is one already.

    Raises:
        OutputError: it holds something else, or cannot be written.
    """
    if (read_note(folder / _NOTE) or {}).get("schema") == _SCHEMA:
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
        recover(folder)
        others = [p.name for p in folder.iterdir() if not (is_dropped(p.name) or read_trace(p))]
    except OSError as error:
        raise OutputError(f"cannot write into {folder}: {error.strerror}") from error
    if others and others != [_NOTE]:
        raise OutputError(
            f"{folder}, where matched pairs are kept until the result is whole, holds what this "
            f"program did not write: {in_words(sorted(others))}; move that out of the folder, or "
            "choose another --out"
        )
    write_note(folder / _NOTE, {}, schema=_SCHEMA)


def end_store(folder: Path) -> list[str]:
    """Remove the kept work, its note and the folder; the names of what is not ours, which stays.

    A folder that was never begun as one of kept work is left as it is.
    """
    if (read_note(folder / _NOTE) or {}).get("schema") != _SCHEMA:
        return []
    recover(folder)
    for path in folder.iterdir():
        if _NAME.fullmatch(path.name) and not path.is_symlink() and _is_kept(path):
            path.unlink()
    left = sorted(path.name for path in folder.iterdir() if path.name != _NOTE)
    if not left:
        (folder / _NOTE).unlink()
        folder.rmdir()
    return left


def _whole(key: str) -> str:
    return f"{__version__}/{key}"


def _is_kept(path: Path) -> bool:
    """Whether the file says of itself that it is the work its name stands for."""
    found = _read(path, only=(_KEY,)) or {}
    key = str(found.get(_KEY, ""))
    return path.name == f"{hashlib.sha256(key.encode()).hexdigest()}.npz"


def _read(path: Path, *, only: Sequence[str] | None = None) -> dict[str, np.ndarray] | None:
    """What a file holds; None when there is none, or a damaged one."""
    try:
        check_plain(path)
        with damage_named(path), path.open("rb") as raw, np.load(raw, allow_pickle=False) as file:
            return {name: file[name] for name in (file if only is None else only)}
    except (MissingFileError, FormatError):
        return None
