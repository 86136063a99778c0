"""A grid written down: `--grid FILE.toml`."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from universality.errors import FormatError, InvalidInputError
from universality.intake.plain_files import check_plain
from universality.training.architectures import NAMES

AXES = {
    "seeds": int,
    "order_seeds": int,
    "expansion": int,
    "width": int,
    "architecture": str,
    "k": int,
    "l1": float,
    "target_l0": float,
}
"""Keys that hold a list, or one value, and what is in it."""
SHARED = {
    "order": str,
    "tokens": int,
    "batch_size": int,
    "lr": float,
    "dead_window": float,
    "dead_weight": float,
    "clip_norm": float,
    "bias_start": str,
    "held_out": float,
    "resampling": str,
    "resample_every": float,
    "start": str,
    "checkpoints": int,
    "dtype": str,
}
"""Keys that hold one value for all cells."""


_LARGEST = 2**20


def read_grid(path: Path) -> dict[str, Any]:
    """The keys of a grid file: lists for axes, single values for the rest.

    A table named like an architecture holds options of that architecture alone.

    Raises:
        MissingFileError: there is no such file.
        FormatError: it is no TOML.
        InvalidInputError: a key is unknown, or its value of the wrong kind.
    """
    check_plain(path, largest=_LARGEST)
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise FormatError(f"{path}: not a grid file ({error})") from error
    return {key: _value(path, key, value) for key, value in content.items()}


def _value(path: Path, key: str, value: Any) -> Any:
    if key in NAMES:
        if not isinstance(value, Mapping):
            raise InvalidInputError(f"{path}: [{key}] must be a table of options, got {value!r}")
        return dict(value)
    if key in AXES:
        given = value if isinstance(value, list) else [value]
        return [_typed(path, key, item, AXES[key]) for item in given]
    if key in SHARED:
        return _typed(path, key, value, SHARED[key])
    raise InvalidInputError(
        f"{path}: unknown key {key!r}; known are {', '.join([*AXES, *SHARED])}, and a table per "
        "architecture"
    )


def _typed(path: Path, key: str, value: Any, kind: type) -> Any:
    accepted = (int, float) if kind is float else (kind,)
    if isinstance(value, bool) or not isinstance(value, accepted):
        words = {int: "a whole number", float: "a number", str: "a word"}
        raise InvalidInputError(f"{path}: {key} must be {words[kind]}, got {value!r}")
    return kind(value)
