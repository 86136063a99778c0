"""The manifest of a result: what it was made from, by which versions, and what each file holds."""

from __future__ import annotations

import hashlib
import json
import platform
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from universality.storage.json_files import write_json

MANIFEST = "manifest.json"
"""Written last: a folder that holds it is whole."""

_PACKAGES = ("universality", "torch", "numpy", "scipy", "pandas", "matplotlib", "safetensors")


def write_manifest(
    folder: Path,
    inputs: Mapping[str, Mapping[str, Any]],
    *,
    command: Sequence[str] = (),
    settings: Mapping[str, Any] | None = None,
) -> None:
    """Write the manifest of a folder whose other files are complete.

    `inputs` maps a name to what is known of it, among that `spec` and `sha256`.
    """
    content = {
        "schema": "universality.manifest/1",
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
    write_json(content, folder / MANIFEST)


def refresh_manifest(folder: Path) -> None:
    """Bring the hashes in a folder's manifest up to date after its pictures were made anew."""
    path = folder / MANIFEST
    if not path.is_file():
        return
    content = json.loads(path.read_text(encoding="utf-8"))
    write_json(content | {"outputs": _outputs(folder)}, path)


def hash_file(path: Path) -> str:
    """The sha256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _outputs(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != MANIFEST)
    return {path.relative_to(folder).as_posix(): hash_file(path) for path in files}
