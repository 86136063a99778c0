"""Pages of the documentation as data: their headings, tables and blocks of code."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_NAME = re.compile(r"`([^`]+)`")


def page(name: str) -> str:
    """The text of a page in `docs/`."""
    return (ROOT / "docs" / name).read_text(encoding="utf-8")


def sections(text: str, level: int) -> dict[str, str]:
    """Headings of a level, and what stands below each up to the next of this or a higher level."""
    found: dict[str, str] = {}
    heading = None
    for line in _outside_code(text):
        mark = re.match(r"(#+) (.*)", line) if not line.startswith("\0") else None
        if mark and len(mark[1]) <= level:
            heading = mark[2] if len(mark[1]) == level else None
            if heading is not None:
                assert heading not in found, f"two sections {heading!r}"
                found[heading] = ""
        elif heading is not None:
            found[heading] += line.removeprefix("\0") + "\n"
    return found


def rows(text: str) -> Iterator[tuple[list[str], str, str]]:
    """Rows of tables whose first cell holds names in backticks: the names, and two more cells."""
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split(" | ")]
        if line.startswith("| `"):
            assert len(cells) == 3, f"three cells are wanted: {line}"
            assert all(cells), f"an empty cell: {line}"
            yield _NAME.findall(cells[0]), cells[1], cells[2]


def names(text: str) -> list[str]:
    """All that stands in backticks."""
    return _NAME.findall(text)


def python_blocks(text: str) -> list[str]:
    """The blocks of Python code."""
    return re.findall(r"^```python\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)


def _outside_code(text: str) -> Iterator[str]:
    """Lines, those within a block of code marked so that none is taken for a heading."""
    inside = False
    for line in text.splitlines():
        inside ^= line.startswith("```")
        yield f"\0{line}" if inside else line
