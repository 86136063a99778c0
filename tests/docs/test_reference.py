"""docs/reference.md has every public name, and its examples and the five scripts run."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

import pytest

import universality as un
from tests.docs.pages import ROOT, page, python_blocks, sections

_NEEDS_MORE = re.compile(r"<!-- needs [^>]*-->\n```python\n.*?^```", re.MULTILINE | re.DOTALL)


def test_every_public_name_has_a_section_with_an_example() -> None:
    documented = sections(page("reference.md"), 3)
    names = {f"`un.{name}`" for name in (*un.__all__, "figures") if name != "__version__"}
    assert names - set(documented) == set(), "docs/reference.md: add a section with an example"
    assert set(documented) - names == set(), "docs/reference.md: no such public name"
    for heading, text in documented.items():
        assert python_blocks(text), f"docs/reference.md: {heading} has no example"


@pytest.mark.parametrize("name", ["reference.md", "scripts.md"])
def test_the_examples_of_a_page_run(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    blocks = python_blocks(_NEEDS_MORE.sub("", page(name)))
    assert len(blocks) >= 6
    exec(compile("\n".join(blocks), f"docs/{name}", "exec"), {"__name__": name})
    assert list(tmp_path.rglob("report.html"))


def test_the_five_scripts_are_there() -> None:
    assert len(sections(page("scripts.md"), 2)) == 5
