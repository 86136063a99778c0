"""Explanations of latents from a reader's file: read whole, or refused by line."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.made_results import made_comparison, made_stability
from universality.cli import main
from universality.errors import FormatError, MissingFileError
from universality.results.explanations_of_two import explanations_of_two

SUMMARY = made_comparison().summary


def saved(tmp_path: Path, *lines: str) -> Path:
    file = tmp_path / "said.csv"
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return file


def run(*arguments: object) -> int:
    with pytest.raises(SystemExit) as left:
        main([str(one) for one in arguments])
    return int(left.value.code or 0)


def test_runs_are_named_by_side_or_by_name(tmp_path: Path) -> None:
    file = saved(tmp_path, "latent,score,run,explanation", '7,.5,a,"a, b and c"', "3,.1,made b,no")
    assert explanations_of_two(file, SUMMARY) == {"a": {7: "a, b and c"}, "b": {3: "no"}}


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["run,latent", "a,1"], "lacks the column explanation"),
        (["run,latent,explanation", "c,1,x"], "line 2: no run 'c'"),
        (["run,latent,explanation", "a,1,x", "a,40,x"], "line 3: no latent '40' in a of 40"),
        (["run,latent,explanation", "a,-1,x"], "no latent '-1'"),
        (["run,latent,explanation", "a,1,x", "a,1,y"], "line 3: latent 1 of a is explained twice"),
    ],
)
def test_what_does_not_fit_is_refused_by_line(
    tmp_path: Path, lines: list[str], message: str
) -> None:
    with pytest.raises(FormatError, match=message):
        explanations_of_two(saved(tmp_path, *lines), SUMMARY)


def test_no_file_and_no_text_are_refused(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError):
        explanations_of_two(tmp_path / "absent.csv", SUMMARY)
    (tmp_path / "bad.csv").write_bytes(b"run,latent,explanation\na,1,\xff\xfe")
    with pytest.raises(FormatError, match="save it as CSV in UTF-8"):
        explanations_of_two(tmp_path / "bad.csv", SUMMARY)


def test_the_report_carries_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made_comparison().save(tmp_path / "two")
    file = saved(tmp_path, "run,latent,explanation", "a,7,<b>adverbs</b>")
    assert run("report", tmp_path / "two", "--explanations", file) == 0
    text = (tmp_path / "two" / "report.html").read_text(encoding="utf-8")
    assert "\\u003cb\\u003eadverbs" in text
    made_stability().save(tmp_path / "many")
    assert run("report", tmp_path / "many", "--explanations", file) == 2
    assert "--explanations are of latents of two runs" in capsys.readouterr().err
