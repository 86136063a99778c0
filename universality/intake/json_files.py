"""JSON that others may have written, edited or damaged: read whole, or refused by name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NoReturn

from universality.errors import FormatError
from universality.intake.plain_files import check_plain

LARGEST = 64 * 2**20
"""Bytes that a description or a configuration may have."""


def read_json(path: Path, *, largest: int = LARGEST, strict: bool = True) -> Any:
    """What a JSON file holds.

    UTF-8, with or without a byte-order mark. With `strict`, NaN and infinity are refused, which are
    no JSON. A key that a mapping holds twice is refused where the two differ.

    Raises:
        MissingFileError: there is no such file.
        FormatError: it is no plain file, too large, no UTF-8, no JSON, or nested too deeply.
    """
    check_plain(path, largest=largest)
    try:
        return parse_json(path.read_bytes().decode("utf-8-sig"), strict=strict)
    except (ValueError, RecursionError, MemoryError, OSError) as error:
        raise FormatError(f"{path} is no readable JSON ({str(error)[:120]})") from error


def read_mapping(path: Path, *, largest: int = LARGEST, strict: bool = True) -> dict[str, Any]:
    """What a JSON file holds, where that is a mapping.

    Raises:
        MissingFileError, FormatError: as `read_json`, or it holds something else.
    """
    content = read_json(path, largest=largest, strict=strict)
    if not isinstance(content, dict):
        raise FormatError(f"{path} must hold a mapping, found a {type(content).__name__}")
    return content


def parse_json(text: str, *, strict: bool = True) -> Any:
    """What a JSON text means, as `read_json` reads it.

    Raises:
        ValueError: it is no JSON.
        RecursionError: it is nested too deeply.
    """
    refuse = _refuse_constant if strict else None
    return json.loads(text, object_pairs_hook=_mapping, parse_constant=refuse)


def _mapping(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found and found[key] != value:
            raise ValueError(f"the key {key[:40]!r} is there twice, with different values")
        found[key] = value
    return found


def _refuse_constant(word: str) -> NoReturn:
    raise ValueError(f"{word} is no JSON")
