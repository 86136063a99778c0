"""The manifest of a result: what it was made from, by which versions, and what each file holds."""

from __future__ import annotations

import hashlib
import os
import platform
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from universality.errors import FormatError, MissingFileError
from universality.intake.json_files import read_json
from universality.storage.json_output import as_json
from universality.storage.staged_files import staged_file

MANIFEST = "manifest.json"
"""Written last: a folder that holds it is whole."""

SCHEMA = "universality.manifest/1"
"""What a manifest of ours says of itself."""

_LARGEST = 2**28
_PACKAGES = ("universality", "torch", "numpy", "scipy", "pandas", "matplotlib", "safetensors")


def write_manifest(
    folder: Path,
    inputs: Mapping[str, Mapping[str, Any]],
    *,
    command: Sequence[str] = (),
    settings: Mapping[str, Any] | None = None,
) -> None:
    """Write the manifest of a folder that holds nothing but the finished files of a result.

    `inputs` maps a name to what is known of it, among that `spec` and `sha256`.
    """
    content = {
        "schema": SCHEMA,
        "inputs": {
            name: {key: about[key] for key in ("spec", "sha256")} for name, about in inputs.items()
        },
        "outputs": _outputs(folder),
        "command": list(command),
        "settings": dict(settings or {}),
        "packages": {name: metadata.version(name) for name in _PACKAGES},
        "python": sys.version.split()[0],
        "platform": platform.platform(),
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    replace_manifest(folder, content)


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of a folder; one that lists nothing where there is none.

    Raises:
        FormatError: there is one, and it is damaged or not of our schema.
    """
    path = folder / MANIFEST
    if not os.path.lexists(path):
        return {"schema": SCHEMA, "inputs": {}, "outputs": {}}
    try:
        content = read_json(path, largest=_LARGEST)
    except (MissingFileError, FormatError) as error:
        raise FormatError(f"{path} cannot be read: {error}; {_WAYS_OUT}") from error
    if not isinstance(content, dict) or content.get("schema") != SCHEMA:
        raise FormatError(f"{path} is no manifest of this program ({SCHEMA}); {_WAYS_OUT}")
    for key in ("outputs", "pending"):
        names = content.get(key, {})
        if not isinstance(names, dict) or not all(isinstance(one, str) for one in names.values()):
            raise FormatError(f"{path}: its {key!r} is no table of files and hashes; {_WAYS_OUT}")
    return content | {"outputs": content.get("outputs", {})}


def replace_manifest(folder: Path, content: Mapping[str, Any]) -> None:
    """Put a manifest into a folder, in one step."""
    with staged_file(folder / MANIFEST) as staged:
        staged.write_text(as_json(content), encoding="utf-8")


def known_hashes(manifest: Mapping[str, Any]) -> dict[str, set[str]]:
    """For each file of a manifest, the hashes that bytes of ours may have.

    There are two while files are replaced: the ones before, and those `pending`.
    """
    found: dict[str, set[str]] = {}
    for key in ("outputs", "pending"):
        for name, digest in manifest.get(key, {}).items():
            found.setdefault(name, set()).add(digest)
    return found


def hash_file(path: Path) -> str:
    """The sha256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _outputs(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != MANIFEST)
    return {path.relative_to(folder).as_posix(): hash_file(path) for path in files}


_WAYS_OUT = "remake the result elsewhere, or move that file away"
