"""Finished work kept on disk, so that an interrupted study goes on where it stopped."""

from __future__ import annotations

import hashlib
import os
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import final

import numpy as np

from universality.errors import OutputError

_VERSION = "2"


@final
@dataclass(frozen=True)
class PairStore:
    """A folder with one file for each matched pair of runs and view, and each draw of a null."""

    folder: Path
    """Where the files lie; made when the first is written."""

    def path(self, key: str) -> Path:
        """The file of a piece of work; the key says everything that its result depends on."""
        return self.folder / f"{hashlib.sha256(f'{_VERSION}/{key}'.encode()).hexdigest()}.npz"


def kept(
    store: PairStore | None, key: str, make: Callable[[], Mapping[str, np.ndarray]]
) -> Mapping[str, np.ndarray]:
    """The arrays kept under a key, or made now and kept; made every time without a store.

    Raises:
        OutputError: the folder cannot be written.
    """
    if store is None:
        return make()
    found = _read(store.path(key))
    if found is not None:
        return found
    made = make()
    _write(store, key, made)
    return made


def _read(path: Path) -> dict[str, np.ndarray] | None:
    """What a file holds; None when there is none, or a damaged one."""
    try:
        with path.open("rb") as raw, np.load(raw, allow_pickle=False) as file:
            return {name: file[name] for name in file}
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None


def _write(store: PairStore, key: str, arrays: Mapping[str, np.ndarray]) -> None:
    """The file of a key, whole or not at all."""
    try:
        store.folder.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=".", suffix=".partial", dir=store.folder)
    except OSError as error:
        raise OutputError(f"cannot write into {store.folder}: {error.strerror}") from error
    partial = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            np.savez(file, allow_pickle=False, **arrays)
        partial.replace(store.path(key))
    finally:
        partial.unlink(missing_ok=True)
