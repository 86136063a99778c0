"""What in a folder this program wrote, by the folder's own list, and what it did not."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from universality.errors import FormatError, MissingFileError, UnsafeFileError
from universality.intake.json_files import read_mapping
from universality.storage.manifest import MANIFEST, hash_file, known_hashes, read_manifest
from universality.storage.traces import read_trace
from universality.storage.writers import is_gone

DROPPED_BY_SYSTEMS = (".DS_Store", "Thumbs.db", "ehthumbs.db", "desktop.ini", ".directory")
"""Files that operating systems drop into any folder somebody looks at; nobody's work."""

_DROPPED_PREFIXES = ("._", ".nfs", ".fuse_hidden")
_DICTIONARY = ("cfg.json", "sae_weights.safetensors", "sparsity.safetensors")
_SHOWN = 4


def foreign_files(folder: Path, checked: dict[str, tuple[int, ...]] | None = None) -> list[str]:
    """What lies in a folder and is not this program's, each named from the folder.

    Ours is what the manifest lists, with the bytes it had then, and what a folder of weights holds
    that says we wrote it. Files that operating systems drop do not count; links, folders with
    nothing of ours, and the unfinished files of a process that may be running do. O(bytes).

    Args:
        folder: Where to look; there must be such a folder.
        checked: Files whose bytes are known to be ours, with their size and times, so that a
            second look costs little; what is found is added.
    """
    checked = {} if checked is None else checked
    hashes = _listed(folder)
    ours = {Path(name).parent.as_posix() for name in hashes}
    folders = {".", *ours, *(p.as_posix() for name in ours for p in Path(name).parents)}
    found = []
    for name, is_folder in _walk(folder):
        if is_folder:
            if name not in folders:
                found.append(f"{name}/")
        elif not (is_dropped(name) or _is_ended(folder / name)):
            found += _judge(folder, name, hashes, checked)
    return found


def our_files(folder: Path) -> list[str]:
    """The files in a folder that are certainly this program's, named from it. O(bytes)."""
    hashes = _listed(folder)
    return [
        name
        for name, is_folder in _walk(folder)
        if not is_folder and name in hashes and not _judge(folder, name, hashes, {})
    ]


def remove_ours(folder: Path) -> None:
    """Remove what is this program's from a folder, and the folders that it alone was in.

    What says that the rest is ours goes last, so that a second call can end what a first began.
    """
    names = sorted(our_files(folder), key=lambda name: name in (MANIFEST, _DICTIONARY[0]))
    for name in names:
        (folder / name).unlink()
        remove_if_empty((folder / name).parent)


def remove_if_empty(folder: Path) -> None:
    """Remove a folder in which nothing is left."""
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()


def is_dropped(name: str) -> bool:
    """Whether an operating system drops files of this name."""
    last = name.rpartition("/")[2]
    return last in DROPPED_BY_SYSTEMS or last.startswith(_DROPPED_PREFIXES)


def dropped_files(folder: Path) -> list[str]:
    """The files that operating systems dropped into a folder, named from it."""
    return [name for name, is_folder in _walk(folder) if not is_folder and is_dropped(name)]


def in_words(names: list[str]) -> str:
    """A few of the names, and how many more there are."""
    shown = ", ".join(names[:_SHOWN])
    return shown if len(names) <= _SHOWN else f"{shown} and {len(names) - _SHOWN} more"


def _judge(
    folder: Path, name: str, hashes: Mapping[str, set[str]], checked: dict[str, tuple[int, ...]]
) -> list[str]:
    path = folder / name
    if name not in hashes or path.is_symlink():
        return [name]
    state = path.stat()
    signature = (state.st_ino, state.st_size, state.st_mtime_ns, state.st_ctime_ns)
    if checked.get(name) == signature or not hashes[name]:
        return []
    if hash_file(path) not in hashes[name]:
        return [f"{name} (changed since it was written)"]
    checked[name] = signature
    return []


def _listed(folder: Path) -> dict[str, set[str]]:
    """The names that are ours, with the hashes they may have; no hash where none was kept."""
    if os.path.lexists(folder / MANIFEST):
        return known_hashes(read_manifest(folder)) | {MANIFEST: set()}
    return {name: set() for name in _DICTIONARY} if _is_our_dictionary(folder) else {}


def _is_our_dictionary(folder: Path) -> bool:
    try:
        metadata = read_mapping(folder / _DICTIONARY[0]).get("metadata")
    except (MissingFileError, FormatError, UnsafeFileError):
        return False
    return isinstance(metadata, dict) and "universality_version" in metadata


def _is_ended(path: Path) -> bool:
    """Whether it is an unfinished file of ours whose process of this host is gone."""
    trace = read_trace(path)
    return trace is not None and trace.kind != "staging" and is_gone(trace.writer)


def _walk(folder: Path, prefix: str = "") -> list[tuple[str, bool]]:
    """Everything below a folder, by name from it, and whether it is a folder; no link followed."""
    found = []
    with os.scandir(folder) as entries:
        for entry in sorted(entries, key=lambda one: one.name):
            name, is_folder = f"{prefix}{entry.name}", entry.is_dir(follow_symlinks=False)
            found.append((name, is_folder))
            if is_folder:
                found += _walk(Path(entry.path), f"{name}/")
    return found
