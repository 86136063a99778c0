"""`universality figures` and `universality report` on a saved result."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.made_results import made_comparison
from universality.cli import main


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made_comparison().save(tmp_path / "result")
    return tmp_path / "result"


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as left:
        main(list(arguments))
    return int(left.value.code or 0)


def test_figures_prints_the_files_it_wrote(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("figures", str(folder), "--style", "talk", "--format", "svg", "--width", "5") == 0
    printed = capsys.readouterr().out.splitlines()
    assert str(folder / "figures" / "grades.svg") in printed
    assert {Path(line).suffix for line in printed} == {".svg", ".csv"}
    assert all(Path(line).is_file() for line in printed)


def test_report_prints_where_it_is(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("report", str(folder)) == 0
    assert capsys.readouterr().out == f"{folder / 'report.html'}\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["figures", "nowhere"], "error: nowhere holds no result"),
        (["report", "nowhere"], "error: nowhere holds no result"),
    ],
)
def test_a_folder_without_a_result_is_one_line(
    capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    assert run(*arguments) == 2
    assert capsys.readouterr().err.startswith(message)


def test_an_unknown_format_leaves_the_figures_as_they_were(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "figures").mkdir()
    (folder / "figures" / "old.png").touch()
    assert run("figures", str(folder), "--format", "gif") == 2
    assert "(--format) must be one of 'pdf', 'png', 'svg'" in capsys.readouterr().err
    assert [file.name for file in (folder / "figures").iterdir()] == ["old.png"]


def test_a_pair_is_two_numbers(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("figures", str(folder), "--pair", "3,36", "--format", "svg") == 0
    assert str(folder / "figures" / "activation_scatter.svg") in capsys.readouterr().out
    for given, message in (("3", "two numbers such as 12,40"), ("3,4", "kept nothing of this")):
        assert run("figures", str(folder), "--pair", given) == 2
        assert message in capsys.readouterr().err
