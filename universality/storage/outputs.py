"""Some files of a finished result made anew: put in one by one, with the manifest true throughout.

The manifest first says what is coming (`pending`), so that a file of either state is known to be
ours if the process is killed between two of them, and the next start can go on.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from universality.errors import OutputError
from universality.storage.claims import claimed_place
from universality.storage.exchange import exchange, rename_to_free
from universality.storage.held_interrupts import shielded
from universality.storage.manifest import (
    MANIFEST,
    hash_file,
    known_hashes,
    read_manifest,
    replace_manifest,
)
from universality.storage.owned import in_words
from universality.storage.recovery import NEW
from universality.storage.staged_files import full_disk_said


@contextmanager
def staged_outputs(folder: Path) -> Iterator[Path]:
    """An empty folder; what the block makes in it goes into the result in `folder` at its end.

    Files of the same names are replaced where the manifest says that they are ours, as they are;
    all others stay, and stay out of the manifest. An error in the block changes nothing.

    Raises:
        OutputError: a file of such a name is not ours, another process writes into the folder, it
            cannot be written, or the disk is full.
        FormatError: the manifest there is damaged, or not ours.
    """
    folder = folder.resolve()
    with claimed_place(folder / MANIFEST, place=folder, option=None) as container:
        read_manifest(folder)  # before the work, so that none is done for nothing
        staged = container / NEW
        with full_disk_said(folder, container):
            staged.mkdir()
            yield staged
            with shielded():
                _replace_all(folder, staged)


def _replace_all(folder: Path, staged: Path) -> None:
    made = sorted(path for path in staged.rglob("*") if path.is_file())
    coming = {path.relative_to(staged).as_posix(): hash_file(path) for path in made}
    manifest = _settled(folder, read_manifest(folder))
    _check_replaceable(folder, list(coming), manifest)
    replace_manifest(folder, manifest | {"pending": coming})
    known = known_hashes(manifest)
    try:
        for name in coming:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            _put(staged / name, folder / name, known.get(name, set()))
    finally:
        replace_manifest(folder, _settled(folder, manifest | {"pending": coming}))


def _settled(folder: Path, manifest: Mapping[str, Any]) -> dict[str, Any]:
    """The manifest with nothing pending: what came is listed as it is now, the rest as before."""
    came = {
        name: digest
        for name, digest in manifest.get("pending", {}).items()
        if _is_one_of(folder / name, {digest})
    }
    outputs = dict(sorted({**manifest["outputs"], **came}.items()))
    return {name: one for name, one in manifest.items() if name != "pending"} | {"outputs": outputs}


def _check_replaceable(folder: Path, names: list[str], manifest: Mapping[str, Any]) -> None:
    known = known_hashes(manifest)
    foreign = [
        name
        for name in names
        if os.path.lexists(folder / name) and not _is_one_of(folder / name, known.get(name, set()))
    ]
    if foreign:
        raise _not_ours(folder, foreign)


def _put(staged: Path, target: Path, hashes: set[str]) -> None:
    """Give a file its place, unless what is there turns out not to be ours."""
    try:
        if not os.path.lexists(target):
            rename_to_free(staged, target)
        elif not _is_one_of(target, hashes):
            raise FileExistsError
        elif not exchange(staged, target):
            staged.replace(target)
        elif not _is_one_of(staged, hashes):
            exchange(staged, target)
            raise FileExistsError
    except FileExistsError as error:
        raise _not_ours(target.parent, [target.name]) from error


def _is_one_of(path: Path, hashes: set[str]) -> bool:
    return path.is_file() and not path.is_symlink() and hash_file(path) in hashes


def _not_ours(folder: Path, names: list[str]) -> OutputError:
    return OutputError(
        f"{folder} holds files of these names that this program did not write, or that were "
        f"changed since: {in_words(names)}; rename or move them, or delete them to have them made "
        "anew"
    )
