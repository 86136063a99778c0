"""The tutorial's blocks run, one after the other, as they stand."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def test_every_python_block_of_the_tutorial_runs(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    text = (ROOT / "docs" / "tutorial.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)
    assert len(blocks) >= 6
    exec(compile("\n".join(blocks), "docs/tutorial.md", "exec"), {"__name__": "tutorial"})
    assert (tmp_path / next(tmp_path.iterdir()) / "two-seeds" / "report.html").is_file()
