"""The dictionaries that ship with a checkout, found wherever the package was installed from it."""

from __future__ import annotations

import json
from importlib import metadata
from pathlib import Path
from urllib.parse import urlparse
from urllib.request import url2pathname

from universality.errors import MissingFileError

SHIPPED = "smollm2-135m.blocks.8.hook_resid_post"
"""Folder under `pretrained/` that holds the runs on layer 8 of SmolLM2-135M."""


def shipped_folder() -> Path:
    """The folder of the shipped runs and their sample of activations.

    Raises:
        MissingFileError: the package was not installed from a checkout, or that is gone.
    """
    for root in _checkouts():
        folder = root / "pretrained" / SHIPPED
        if folder.is_dir():
            return folder
    raise MissingFileError(
        "the shipped dictionaries are not here: they lie in a clone of the project, under "
        f"pretrained/{SHIPPED}; clone its repository and run `pip install -e .` there"
    )


def two_seeds() -> tuple[Path, Path]:
    """Two shipped runs that differ in their seed alone."""
    folder = shipped_folder()
    return folder / "w2304-s0", folder / "w2304-s1"


def sample() -> Path:
    """Activations of documents that no shipped run has seen."""
    return shipped_folder() / "activations"


def _checkouts() -> list[Path]:
    beside_the_package = Path(__file__).resolve().parent.parent
    return [beside_the_package, *_installed_from()]


def _installed_from() -> list[Path]:
    try:
        record = metadata.distribution("universality").read_text("direct_url.json")
    except metadata.PackageNotFoundError:
        return []
    address = urlparse(json.loads(record)["url"]) if record else None
    return [Path(url2pathname(address.path))] if address and address.scheme == "file" else []
