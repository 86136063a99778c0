"""Sentences on a terminal: whole, and as wide as the window up to a hundred characters."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Iterable, Mapping
from typing import Any

_WIDEST = 100
_NARROWEST = 30


def window_width() -> int:
    """Characters in a line: the window's, or 80 where there is none; at most 100."""
    return max(_NARROWEST, min(_WIDEST, shutil.get_terminal_size((80, 24)).columns))


def wrapped(text: str, *, hanging: int = 0) -> list[str]:
    """The text in lines of the window's width; those after the first begin with `hanging` blanks.

    Words are never cut, nor is the text.
    """
    return textwrap.wrap(
        text,
        window_width(),
        subsequent_indent=" " * hanging,
        break_long_words=False,
        break_on_hyphens=False,
    )


def loud_checks(checks: Iterable[Mapping[str, Any]], *, without: Iterable[str] = ()) -> list[str]:
    """What failed, then what warns, each whole; `without` names checks that were said already."""
    said = set(without)
    return [
        line
        for status in ("fail", "warn")
        for check in checks
        if check["status"] == status and check.get("id") not in said
        for line in wrapped(f"{status.upper()} {check['message']}", hanging=5)
    ]
