"""What a user calls a run, brought to a place on this machine."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import final

from universality.errors import MissingFileError

_GENERIC_STEMS = ("sae_weights", "ae", "sae", "params", "model", "final", "cc_weights")


@final
@dataclass(frozen=True, eq=False)
class Place:
    """A file or folder on this machine, and which dictionary in it is meant."""

    path: Path
    """An existing file or folder."""
    spec: str
    """The address as the user gave it."""
    part: str = ""
    """What follows `#`: which dictionary of a file that holds several."""
    name: str = ""
    """A short name for tables and figures."""


def resolve(spec: str | Path) -> Place:
    """The place an address means; an existing path wins over every other reading.

    `PATH#PART` names one dictionary of a file that holds several.

    Raises:
        MissingFileError: there is nothing at this path.
    """
    spec = str(spec)
    for path, part in _readings(spec):
        if path.exists():
            return Place(path, spec, part, _short_name(path, part))
    raise MissingFileError(
        f"no such file or folder: {spec}; give a path, hf://org/repo[@revision][/folder], or "
        "release:sae_id"
    )


def _readings(spec: str) -> list[tuple[Path, str]]:
    readings = [(Path(spec).expanduser(), "")]
    head, mark, part = spec.rpartition("#")
    if mark and head:
        readings.append((Path(head).expanduser(), part))
    return readings


def _short_name(path: Path, part: str) -> str:
    path = path.resolve() if path.name in ("", ".", "..") else path
    name = path.name
    if path.is_file():
        generic = path.stem in _GENERIC_STEMS and path.parent.name
        name = path.parent.name if generic else path.stem
    return f"{name}#{part}" if part else name
