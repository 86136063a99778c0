"""Pictures of a saved result, made anew from the folder alone."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.made_results import made_comparison
from universality.errors import FormatError, MissingFileError, OutputError
from universality.redrawing import redraw, rewrite_report
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


def test_figures_drawn_anew_replace_the_earlier_ones_of_their_format(folder: Path) -> None:
    first = redraw(folder, formats=("png", "svg"))
    before = {file: file.read_bytes() for file in first}
    files = redraw(folder, formats=("svg",), style="talk")
    assert {file.suffix for file in files} == {".svg", ".csv"}
    assert sorted((folder / "figures").iterdir()) == sorted(first)
    for file in first:
        assert (file.read_bytes() == before[file]) == (file.suffix != ".svg")
    assert_manifest_is_true(folder)
    assert not list(folder.glob(".*"))


def test_files_of_the_user_among_the_figures_stay_and_are_not_listed(folder: Path) -> None:
    (folder / "figures").mkdir()
    (folder / "figures" / "mine.png").write_text("mine")
    (folder / "notes.txt").write_text("mine")
    redraw(folder, formats=("png",))
    rewrite_report(folder)
    assert (folder / "figures" / "mine.png").read_text() == "mine"
    (folder / "figures" / "mine.png").unlink()
    (folder / "notes.txt").unlink()
    assert_manifest_is_true(folder)


@pytest.mark.parametrize("listed", [True, False])
def test_a_file_of_the_user_with_the_name_of_ours_is_refused(folder: Path, listed: bool) -> None:
    name = "share_against_threshold.png"
    if listed:
        redraw(folder)
        rewrite_report(folder)
    (folder / "figures").mkdir(exist_ok=True)
    before = (folder / "manifest.json").read_bytes()
    for path in (folder / "figures" / name, folder / "report.html"):
        path.write_text("with my notes")
        make = redraw if path.suffix == ".png" else rewrite_report
        with pytest.raises(OutputError, match=rf"{path.name}; rename or move them, or delete"):
            make(folder)
        assert path.read_text() == "with my notes"
    assert (folder / "manifest.json").read_bytes() == before
    assert not list(folder.glob(".*"))


@pytest.mark.parametrize("make", [redraw, rewrite_report])
@pytest.mark.parametrize("text", ['{"sch', '{"name": "web app"}', '{"outputs": 3}', "[]"])
def test_a_manifest_that_is_not_ours_is_said_and_left(
    folder: Path, make: Callable[[Path], object], text: str
) -> None:
    (folder / "manifest.json").write_text(text)
    before = sorted(folder.rglob("*"))
    with pytest.raises(FormatError, match=r"manifest\.json"):
        make(folder)
    assert (folder / "manifest.json").read_text() == text
    assert sorted(folder.rglob("*")) == before


def test_pictures_of_a_result_without_a_manifest_begin_one(tmp_path: Path) -> None:
    made_comparison().save(tmp_path / "saved")
    for _ in range(2):
        rewrite_report(tmp_path / "saved")
    content = json.loads((tmp_path / "saved" / "manifest.json").read_text())
    assert list(content["outputs"]) == ["report.html"]


def test_the_report_needs_nothing_but_the_folder(folder: Path) -> None:
    report = rewrite_report(folder)
    first = report.read_bytes()
    assert b"most of it is the same." in first
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
