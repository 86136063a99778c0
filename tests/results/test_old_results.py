"""Results that version 0.1 saved are read, drawn and shown, and say what they lack."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.made_results import made_comparison
from universality.cli import main
from universality.figures import figures_of
from universality.results import GRADES, age_of_saved, read_comparison, read_result, read_stability
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


def test_results_of_schema_2_say_none_only_where_every_view_does(tmp_path: Path) -> None:
    """0.2 called a latent none as soon as one view did; the grades by each view are what they were.

    The counts of the summary follow."""
    made = made_comparison()
    views = [f"grade_{view}" for view in made.summary["views"]]
    for latents, best in ((made.latents_a, 5), (made.latents_b, 34)):
        latents.loc[best, views[0]] = "none"
        latents["grade"] = latents["grade"].where(latents[views[0]] != "none", "none")
    made.summary["schema"] = "universality.comparison/2"
    made.save(tmp_path)
    read = read_comparison(tmp_path)
    for side, latents, best in (("a", read.latents_a, 5), ("b", read.latents_b, 34)):
        assert latents["grade"][best] == "similar"
        assert read.summary["grades"][side]["all"] == {
            grade: int((latents["grade"] == grade).sum()) for grade in GRADES
        }
    assert "grade" not in age_of_saved(tmp_path)


def test_every_schema_up_to_the_newest_is_read() -> None:
    assert Schema("one", 3).read == ("one/3", "one/2", "one/1")
