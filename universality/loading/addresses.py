"""What a user calls a run, brought to a place on this machine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, final

from universality.errors import MissingFileError
from universality.loading.hub import SCHEME, fetch, from_browser, looks_like_repository, parse
from universality.loading.saelens_registry import corrections_of, find_release
from universality.loading.sharded_weights import is_sharded, whole_name

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
    norm_scaling_factor: float | None = None
    """Factor on the tokens that a registry states."""
    config_overrides: Mapping[str, Any] = field(default_factory=dict)
    """What a registry states instead of the checkpoint's own configuration."""


def resolve(spec: str | Path) -> Place:
    """The place an address means; an existing path wins over every other reading.

    A path, `hf://org/repo[@revision][/folder]` or the page that a browser shows of it, or
    `release:sae_id` of SAELens; each may end in `#PART`, which names one dictionary of a file that
    holds several. Hub addresses are fetched.

    Raises:
        MissingFileError: there is nothing at this address.
        MissingDependencyError: a hub address without the libraries that it needs.
    """
    spec = str(spec)
    for address, part in _readings(spec):
        path = Path(address).expanduser()
        if _exists(path):
            return Place(path, spec, part, _short_name(path, part))
    for address, part in reversed(_readings(spec)):
        place = _remote(spec, address, part)
        if place is not None:
            return place
    raise MissingFileError(f"no such file or folder: {spec}; {_advice(spec)}")


def _advice(spec: str) -> str:
    if looks_like_repository(spec):
        return f"if it is a repository on the Hugging Face hub, write {SCHEME}{spec}"
    return "give a path, hf://org/repo[@revision][/folder], or release:sae_id"


def _readings(spec: str) -> list[tuple[str, str]]:
    head, mark, part = spec.rpartition("#")
    return [(spec, ""), (head, part)] if mark and head else [(spec, "")]


def _exists(path: Path) -> bool:
    try:
        return path.exists() or is_sharded(path)
    except (OSError, ValueError):
        return False


def _remote(spec: str, address: str, part: str) -> Place | None:
    address = from_browser(address) or address
    if address.startswith(SCHEME):
        on_hub = parse(address)
        corrected = corrections_of(on_hub.repo)
        name = _short_name(Path(address), part)
        return Place(fetch(on_hub), spec, part, name, config_overrides=corrected)
    release, colon, sae_id = address.partition(":")
    if not colon or not release or not sae_id or _is_drive(release):
        return None
    found = find_release(release, sae_id)
    name = _short_name(Path(sae_id), part)
    path = fetch(found.address)
    return Place(path, spec, part, name, found.norm_scaling_factor, found.config_overrides)


def _is_drive(release: str) -> bool:
    return len(release) == 1 or "\\" in release


def _short_name(path: Path, part: str) -> str:
    path = path.resolve() if path.name in ("", ".", "..") else path
    name = path.name
    if path.is_file() or is_sharded(path):
        stem = Path(whole_name(path.name)).stem
        generic = stem in _GENERIC_STEMS and path.parent.name
        name = path.parent.name if generic else stem
    return f"{name}#{part}" if part else name
