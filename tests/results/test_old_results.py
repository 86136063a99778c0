"""Results that version 0.1 saved are read, drawn and shown, and say what they lack."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from universality.cli import main
from universality.figures import figures_of
from universality.results import age_of_saved, read_comparison, read_result, read_stability
from universality.results.schemas import COMPARISON, STABILITY, Schema

SAVED = Path(__file__).resolve().parents[1] / "fixtures" / "results_of_0_1"
KINDS = {"comparison": COMPARISON, "stability": STABILITY}


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as left:
        main(list(arguments))
    return int(left.value.code or 0)


@pytest.fixture(params=sorted(KINDS))
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return Path(shutil.copytree(SAVED / request.param, tmp_path / request.param))


def test_renamed_columns_have_their_names_of_today(folder: Path) -> None:
    result = read_result(folder)
    for table, names in KINDS[folder.name].renamed.items():
        found = getattr(result, table, None)
        found = getattr(result.widths, table) if found is None else found
        assert set(names.values()) <= set(found.columns)
        assert not set(names) & set(found.columns)


def test_added_columns_are_absent_and_named(folder: Path) -> None:
    result = read_result(folder)
    for name in result.absent:
        table, column = name.split(".")
        found = getattr(result, table, None)
        found = getattr(result.widths, table) if found is None else found
        assert found is None or column not in found.columns
        assert name in age_of_saved(folder)
    assert "today" in age_of_saved(folder)


def test_figures_draws_what_it_can_and_says_what_is_missing(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("figures", str(folder), "--format", "svg") == 0
    printed = capsys.readouterr()
    assert len(printed.out.splitlines()) >= 2 * 4
    assert f"{folder} was saved under {KINDS[folder.name].kind}/1" in printed.err


def test_report_says_what_is_missing(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("report", str(folder)) == 0
    assert "was saved under" in capsys.readouterr().err
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert "This result was saved under" in page


def test_an_old_result_saved_again_is_read_again(folder: Path, tmp_path: Path) -> None:
    first = read_result(folder)
    first.save(tmp_path / "again")
    again = read_result(tmp_path / "again")
    assert again.summary == first.summary
    assert sorted(figures_of(again)) == sorted(figures_of(first))


def test_the_fixtures_are_of_schema_1() -> None:
    assert read_comparison(SAVED / "comparison").summary["schema"] == "universality.comparison/1"
    assert read_stability(SAVED / "stability").summary["schema"] == "universality.stability/1"


def test_every_schema_up_to_the_newest_is_read() -> None:
    assert Schema("one", 3).read == ("one/3", "one/2", "one/1")
