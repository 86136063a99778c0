"""docs/reference.md has every public name, and its examples and the five scripts run."""

from __future__ import annotations

import os
import re
import subprocess
import sys
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
def test_the_examples_of_a_page_run(name: str, tmp_path: Path) -> None:
    """As a user runs them: in a process without the type checker of the test run."""
    blocks = python_blocks(_NEEDS_MORE.sub("", page(name)))
    assert len(blocks) >= 6
    script = tmp_path / "examples.py"
    script.write_text("\n".join(blocks), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, str(script)],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT), "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert not done.returncode, done.stderr[-2000:]
    assert list(tmp_path.rglob("report.html"))


def test_the_five_scripts_are_there() -> None:
    assert len(sections(page("scripts.md"), 2)) == 5
