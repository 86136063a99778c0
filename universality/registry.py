"""Known dictionaries: the sets of runs that are worth comparing, shipped and on the hub."""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import final

from universality.errors import MissingFileError, UnsupportedError
from universality.loading.addressed_runs import expand
from universality.loading.addresses import resolve
from universality.shipped import shipped_folder

SCHEMA = "universality.registry/1"
"""Schema of the shipped list."""


@final
@dataclass(frozen=True, eq=False)
class Member:
    """One dictionary of a set."""

    address: str
    """What `load` takes."""
    width: int | None
    """Latents, where the list knows."""
    l0: float | None = None
    """Published mean number of active latents per token."""
    variance_explained: float | None = None
    """Published share of explained variance, in [0, 1]."""


@final
@dataclass(frozen=True, eq=False)
class PretrainedSet:
    """Dictionaries that belong together: seeds, widths or layers."""

    name: str
    """As `pretrained fetch` spells it."""
    about: str
    """What it is, in a few words."""
    kind: str
    """What differs within it: seeds, widths, layers, truth."""
    format: str | None
    """Format of its files, where the list knows."""
    model: str | None
    """Language model."""
    licence: str | None
    """Licence of the weights; None where the list does not know it."""
    source: str
    """Where these facts come from."""
    members: tuple[Member, ...]
    """Its dictionaries; one whole repository where they are not listed one by one."""


def known_sets() -> list[PretrainedSet]:
    """The sets of the shipped list, with the dictionaries of this checkout first where present.

    Raises:
        UnsupportedError: the list has another schema than this version reads.
    """
    content = json.loads(files("universality").joinpath("registry.json").read_text("utf-8"))
    if content["schema"] != SCHEMA:
        raise UnsupportedError(f"the list has schema {content['schema']!r}, expected {SCHEMA!r}")
    return [*_shipped(), *(_run_set(entry) for entry in content["sets"])]


def fetch_set(name: str) -> list[Path]:
    """The places on this machine of a set's dictionaries, or of one address, fetched as needed.

    A set that is a whole repository is expanded from the repository's listing first.

    Raises:
        MissingFileError: no such set or address, or it is neither cached nor within reach.
        MissingDependencyError: a hub address without the libraries that it needs.
    """
    known = {run_set.name: run_set for run_set in known_sets()}
    if name not in known and "://" not in name and ":" not in name and not Path(name).exists():
        raise MissingFileError(
            f"no known set is called {name!r}; `universality pretrained list` shows them, or give "
            "an address hf://org/repo/folder"
        )
    addresses = [m.address for m in known[name].members] if name in known else [name]
    return [resolve(run).path for address in addresses for run in _runs(address)]


def _runs(address: str) -> list[str]:
    whole_repository = address.startswith("hf://") and address.count("/") == 3
    return expand(address) if whole_repository else [address]


def _shipped() -> list[PretrainedSet]:
    try:
        folder = shipped_folder()
        addresses = expand(folder)
    except MissingFileError:
        return []
    members = tuple(Member(address, _width(Path(address))) for address in addresses)
    about = "shipped with this checkout"
    return [
        PretrainedSet(folder.name, about, "seeds", "saelens", None, "MIT", str(folder), members)
    ]


def _width(folder: Path) -> int | None:
    digits = folder.name.partition("-")[0].removeprefix("w")
    return int(digits) if digits.isdecimal() else None


def _run_set(entry: dict[str, object]) -> PretrainedSet:
    rows = entry.pop("members")
    assert isinstance(rows, list)
    return PretrainedSet(members=tuple(Member(**row) for row in rows), **entry)  # type: ignore[arg-type]
