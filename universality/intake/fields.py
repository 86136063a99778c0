"""The fields of a description, each taken as what it must be, or refused by name."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, final

from universality.errors import FormatError

_LARGEST_INTEGER = 2**53


@final
@dataclass(frozen=True, eq=False)
class Fields:
    """A mapping whose values are checked as they are taken."""

    where: str
    """The file (and the place in it), for messages."""
    values: Mapping[str, Any]
    """What was read."""

    def text(self, key: str) -> str:
        """A text. Raises FormatError when it is something else."""
        value = self._value(key)
        if not isinstance(value, str):
            raise self._wrong(key, "a text")
        return value

    def optional_text(self, key: str) -> str | None:
        """A text, or None where it is null or absent."""
        return None if self.values.get(key) is None else self.text(key)

    def plain_name(self, key: str) -> str:
        """The name of a file in the same folder. Raises FormatError for a path out of it."""
        value = self.text(key)
        if not value or "/" in value or "\\" in value or "\0" in value or value in (".", ".."):
            raise FormatError(
                f"{self.where}: {key} {value!r} is no plain file name; the files lie in its folder"
            )
        return value

    def count(self, key: str, *, least: int = 0) -> int:
        """A whole number of at least `least`. Raises FormatError when it is something else."""
        value = self._value(key)
        whole = isinstance(value, int) and not isinstance(value, bool)
        if not whole or not least <= value <= _LARGEST_INTEGER:
            raise self._wrong(key, f"a whole number of at least {least}")
        return int(value)

    def optional_count(self, key: str) -> int | None:
        """A whole number, or None where it is null or absent."""
        return None if self.values.get(key) is None else self.count(key)

    def flag(self, key: str, *, default: bool) -> bool:
        """True or false. Raises FormatError when it is something else."""
        value = self.values.get(key, default)
        if not isinstance(value, bool):
            raise self._wrong(key, "true or false")
        return value

    def number(self, key: str) -> float:
        """A finite number. Raises FormatError when it is something else."""
        value = self._value(key)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self._wrong(key, "a number")
        if abs(value) > _LARGEST_INTEGER or not math.isfinite(value):
            raise self._wrong(key, "a finite number of reasonable size")
        return float(value)

    def optional_number(self, key: str) -> float | None:
        """A finite number, or None where it is null or absent."""
        return None if self.values.get(key) is None else self.number(key)

    def numbers(self, key: str, *, length: int) -> tuple[float, ...]:
        """So many finite numbers. Raises FormatError when it is something else."""
        value = self._value(key)
        if not isinstance(value, list) or len(value) != length:
            raise self._wrong(key, f"a list of {length} numbers")
        inner = Fields(f"{self.where}: {key}", {str(i): one for i, one in enumerate(value)})
        return tuple(inner.number(name) for name in inner.values)

    def counts(self, key: str) -> dict[str, int]:
        """A mapping of whole numbers. Raises FormatError when it is something else."""
        inner = Fields(f"{self.where}: {key}", self.mapping(key))
        return {name: inner.count(name) for name in inner.values}

    def mapping(self, key: str) -> dict[str, Any]:
        """A mapping. Raises FormatError when it is something else."""
        value = self._value(key)
        if not isinstance(value, dict):
            raise self._wrong(key, "a mapping")
        return value

    def sections(self, key: str) -> list[Fields]:
        """A list of mappings, each to be taken apart. Raises FormatError for something else."""
        value = self._value(key)
        if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
            raise self._wrong(key, "a list of mappings")
        return [Fields(f"{self.where}: {key}[{i}]", one) for i, one in enumerate(value)]

    def _value(self, key: str) -> Any:
        if key not in self.values:
            raise FormatError(f"{self.where} lacks {key!r}")
        return self.values[key]

    def _wrong(self, key: str, what: str) -> FormatError:
        found = repr(self.values[key])
        shown = found if len(found) <= 60 else f"{found[:60]}..."
        return FormatError(f"{self.where}: {key!r} must be {what}, found {shown}")
