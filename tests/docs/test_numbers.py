"""README.md and pages of docs say what the committed result files say."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from analysis.readme_numbers import BLOCKS, PAGES, with_numbers


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_marked_blocks_are_those_of_the_result_files(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert with_numbers(text) == text, "run `python -m analysis.readme_numbers --no-compare`"


def test_every_block_stands_on_a_page() -> None:
    marks = [
        name
        for page in PAGES
        for name in re.findall(r"<!-- numbers: ([\w-]+) -->", page.read_text(encoding="utf-8"))
    ]
    assert sorted(marks) == sorted(BLOCKS)


def test_a_changed_number_is_written_back() -> None:
    text = PAGES[0].read_text(encoding="utf-8")
    changed = re.sub(r"(?<=\| decoder: what they write \| )[\d.]+", "99.9", text)
    assert changed != text
    assert with_numbers(changed) == text
