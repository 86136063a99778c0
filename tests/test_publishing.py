"""Pictures of a saved result, made anew from the folder alone."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.made_results import made_comparison
from universality.errors import FormatError, MissingFileError
from universality.publishing import redraw, rewrite_report
from universality.storage.manifest import write_manifest


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "result"
    made_comparison().save(folder)
    write_manifest(folder, {"a": {"spec": "made", "sha256": "0"}}, command=["made"])
    return folder


def assert_manifest_is_true(folder: Path) -> None:
    outputs = json.loads((folder / "manifest.json").read_text())["outputs"]
    written = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}
    assert written == {*outputs, "manifest.json"}
    for name, digest in outputs.items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest


def test_figures_drawn_anew_replace_the_earlier_ones(folder: Path) -> None:
    (folder / "figures").mkdir()
    (folder / "figures" / "stale.png").touch()
    files = redraw(folder, formats=("svg",))
    assert {file.suffix for file in files} == {".svg", ".csv"}
    assert sorted((folder / "figures").iterdir()) == sorted(files)
    assert_manifest_is_true(folder)


def test_the_report_needs_nothing_but_the_folder(folder: Path) -> None:
    report = rewrite_report(folder)
    first = report.read_bytes()
    assert b"Most of it is the same." in first
    assert rewrite_report(folder).read_bytes() == first
    assert_manifest_is_true(folder)


@pytest.mark.parametrize("make", [redraw, rewrite_report])
def test_a_folder_without_a_result_is_left_as_it_is(
    tmp_path: Path, make: Callable[[Path], object]
) -> None:
    with pytest.raises(MissingFileError, match="holds no result"):
        make(tmp_path)
    (tmp_path / "summary.json").write_text('{"schema": "universality.comparison/99"}')
    with pytest.raises(FormatError, match="comparison/99"):
        make(tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["summary.json"]
