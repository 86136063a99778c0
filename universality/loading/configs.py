"""Configurations that lie beside weights, read with errors that name the file and the key."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

from universality.errors import FormatError
from universality.intake.json_files import read_mapping

_LARGEST_INTEGER = 2**53


@final
@dataclass(frozen=True, eq=False)
class Config:
    """The keys of a configuration; a key that is absent or null reads as None."""

    where: str
    """The file (and the section), for messages."""
    values: Mapping[str, Any]
    """The configuration as read; empty when there is no file."""

    def __contains__(self, key: str) -> bool:
        return self.values.get(key) is not None

    def __bool__(self) -> bool:
        return bool(self.values)

    def text(self, key: str) -> str | None:
        """A word. Raises FormatError when it is something else."""
        value: str | None = self._typed(key, str, "a word")
        return value

    def flag(self, key: str, *, default: bool) -> bool:
        """True or false. Raises FormatError when it is something else."""
        value = self._typed(key, bool, "true or false")
        return default if value is None else value

    def number(self, key: str) -> float | None:
        """A finite number. Raises FormatError when it is something else."""
        value = self.values.get(key)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self._wrong(key, "a number")
        if abs(value) > _LARGEST_INTEGER or not math.isfinite(value):
            raise self._wrong(key, "a finite number of reasonable size")
        return float(value)

    def integer(self, key: str) -> int | None:
        """A whole number (3.0 counts). Raises FormatError when it is something else."""
        value = self.number(key)
        if value is not None and value != int(value):
            raise self._wrong(key, "a whole number")
        return None if value is None else int(value)

    def positive(self, key: str) -> int:
        """A whole number of at least 1. Raises FormatError when absent or something else."""
        value = self.integer(key)
        if value is None:
            raise FormatError(f"{self.where} lacks {key!r}")
        if value < 1:
            raise self._wrong(key, "at least 1")
        return value

    def section(self, key: str) -> Config:
        """A nested configuration, empty when absent. Raises FormatError when no mapping."""
        value = self._typed(key, dict, "a mapping")
        return Config(f"{self.where}: {key}", value or {})

    def _typed(self, key: str, kind: type, what: str) -> Any:
        value = self.values.get(key)
        if value is not None and not isinstance(value, kind):
            raise self._wrong(key, what)
        return value

    def _wrong(self, key: str, what: str) -> FormatError:
        found = repr(self.values[key])
        return FormatError(f"{self.where}: {key!r} must be {what}, found {found[:60]}")


def read_config(path: Path) -> Config:
    """The configuration in a JSON file, empty when there is no such file.

    Raises:
        FormatError: the file is no UTF-8, no JSON, nested too deeply, or no mapping.
    """
    if not os.path.lexists(path):
        return Config(str(path), {})
    return Config(str(path), read_mapping(path, strict=False))
