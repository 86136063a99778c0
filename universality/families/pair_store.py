"""Matched pairs kept on disk, so that an interrupted study goes on where it stopped."""

from __future__ import annotations

import hashlib
import os
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import final

import numpy as np

from universality.errors import OutputError
from universality.families.matched_runs import Link

_VERSION = "1"


@final
@dataclass(frozen=True)
class PairStore:
    """A folder with one file for each matched pair of runs and view."""

    folder: Path
    """Where the files lie; made when the first is written."""

    def path(self, key: str) -> Path:
        """The file of a pair; the key says everything that its assignment depends on."""
        return self.folder / f"{hashlib.sha256(f'{_VERSION}/{key}'.encode()).hexdigest()}.npz"


def read_link(store: PairStore, key: str) -> Link | None:
    """The assignment kept under a key; None when there is none, or a damaged one."""
    try:
        with store.path(key).open("rb") as raw, np.load(raw, allow_pickle=False) as file:
            return Link(file["a"], file["b"], file["similarity"], float(file["gap"]))
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None


def keep_link(store: PairStore, key: str, link: Link) -> None:
    """Write an assignment under its key, whole or not at all.

    Raises:
        OutputError: the folder cannot be written.
    """
    target = store.path(key)
    try:
        store.folder.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=".", suffix=".partial", dir=store.folder)
    except OSError as error:
        raise OutputError(f"cannot write into {store.folder}: {error.strerror}") from error
    partial = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            similarity, gap = np.asarray(link.similarity), np.asarray(link.gap)
            np.savez(file, a=link.a, b=link.b, similarity=similarity, gap=gap)
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)
