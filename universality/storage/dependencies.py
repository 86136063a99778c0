"""Finished work is recognised by what it depends on, never by its name.

Work that is kept on disk stands beside a note of everything that decided it: numbers and names as
they are, large things (weights, texts, caches) as their hashes. Before it is taken as done, or gone
on with, the note is compared with what is asked for now:

    depends = {**asdict(settings), "cache_sha256": cache.meta.sha256}
    noted = read_note(folder / "training_record.json", key="depends")
    if noted is not None:
        require_same(noted, depends, place=folder, holds="a run")

`require_same` ends in exit code 2 and names what differs.

`write_note` writes such a file, whole or not at all; a note may also be one key of a larger file.
`digest` gives the name under which one piece of work among many is kept.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from universality.errors import FormatError, MissingFileError, OutputError
from universality.intake.json_files import read_json
from universality.storage.staged_files import staged_file

_LONGEST = 60


def digest(depends: Mapping[str, Any]) -> str:
    """SHA-256, in hexadecimal, of what work depends on; the order of the names plays no part."""
    return hashlib.sha256(json.dumps(as_noted(depends), sort_keys=True).encode()).hexdigest()


def as_noted(depends: Mapping[str, Any]) -> dict[str, Any]:
    """What work depends on as JSON gives it back: tuples are lists, keys are strings.

    Raises:
        TypeError: a value is none that JSON has; hash it first.
    """
    noted: dict[str, Any] = json.loads(json.dumps(depends))
    return noted


def write_note(path: Path, depends: Mapping[str, Any], *, schema: str) -> None:
    """Write a note of its own, whole or not at all.

    Raises:
        OutputError: it cannot be written.
    """
    with staged_file(path) as staged:
        content = {"schema": schema} | as_noted(depends)
        staged.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def read_note(path: Path, *, key: str | None = None) -> dict[str, Any] | None:
    """The note in a file, or under a key of it; None where there is none that can be read.

    A file that was damaged says nothing, as one that is missing: what lies beside it is then not
    known to be anyone's, and the caller must not go on with it.
    """
    try:
        content = read_json(path)
    except (MissingFileError, FormatError):
        return None
    found = content.get(key) if key is not None and isinstance(content, dict) else content
    return found if isinstance(found, dict) else None


def differences(noted: Mapping[str, Any], depends: Mapping[str, Any]) -> list[str]:
    """What differs, each as a few words: `k was 32, is now 64`.

    What only the note names is no difference: a note may say more than is asked.
    """
    return [
        f"{name} {_change(noted[name], value)}" if name in noted else f"{name} was not noted"
        for name, value in as_noted(depends).items()
        if name not in noted or noted[name] != value
    ]


def require_same(
    noted: Mapping[str, Any],
    depends: Mapping[str, Any],
    *,
    place: Path,
    holds: str,
    option: str = "--out",
) -> None:
    """Nothing, when the note says what is asked for now.

    Args:
        noted: What was written beside the work.
        depends: What it would depend on now.
        place: Where it lies.
        holds: What it is, such as `a cache`.
        option: The flag with which another place is chosen.

    Raises:
        OutputError: something differs; the message names it, and both ways out.
    """
    found = differences(noted, depends)
    if found:
        raise OutputError(
            f"{place} holds {holds} made from something else: {'; '.join(found)}; choose another "
            f"{option}, or delete {place} to make it anew"
        )


def _change(before: Any, now: Any) -> str:
    return f"was {_short(before)}, is now {_short(now)}"


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= _LONGEST + 6 else f"{text[:_LONGEST]}..."
