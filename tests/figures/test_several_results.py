"""Several results on one axis, looked at through their artists and from the command line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

from tests.figures.names_on_axes import names_on
from tests.made_results import made_comparison, made_stability
from universality import figures
from universality.cli import main
from universality.errors import InvalidInputError


def run(*arguments: object) -> int:
    with pytest.raises(SystemExit) as left:
        main([str(one) for one in arguments])
    return int(left.value.code or 0)


def test_each_comparison_has_its_curve_and_its_null() -> None:
    results = {"one": made_comparison(40), "other": made_comparison(60)}
    for one in results.values():
        one.summary["checks"] = []
    ax = figures.shares_together(results, Figure().subplots(), view="encoder")
    lines = {line.get_gid() or line.get_label(): line for line in ax.get_lines()}
    for name, comparison in results.items():
        curves = comparison.curves
        saved = curves[(curves["view"] == "encoder") & (curves["rule"] == "assignment")]
        np.testing.assert_array_equal(lines[name].get_ydata(), saved["fraction"])
        np.testing.assert_array_equal(lines[f"null, {name}"].get_ydata(), saved["null_fraction"])
        assert lines[name].get_color() == lines[f"null, {name}"].get_color()


def test_a_comparison_that_a_check_voids_says_so_in_its_name() -> None:
    ax = figures.shares_together({"made": made_comparison()}, Figure().subplots(), view="decoder")
    texts = names_on(ax)
    assert "made (void: a check failed)" in texts


def test_each_study_has_its_line() -> None:
    results = {"one": made_stability(), "other": made_stability()}
    ax = figures.only_in_one_together(results, Figure().subplots(), view="decoder")
    labels = [line.get_label() for line in ax.get_lines()]
    assert {"one", "other", "null of each"} <= set(labels)


def test_what_does_not_belong_on_one_axis_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="all be of two runs, or all of many"):
        figures.figures_together({"one": made_comparison(), "other": made_stability()})
    with pytest.raises(InvalidInputError, match="one has no view 'colour'"):
        figures.shares_together({"one": made_comparison()}, Figure().subplots(), view="colour")
    with pytest.raises(InvalidInputError, match="one has no rule 'encoder'"):
        figures.only_in_one_together({"one": made_stability()}, Figure().subplots(), view="encoder")


def test_the_command_draws_them_into_a_folder_of_their_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folders = [tmp_path / name / "result" for name in ("first", "second")]
    for folder in folders:
        made_comparison().save(folder)
    out = tmp_path / "together"
    assert run("figures", *folders, "--out", out, "--format", "svg") == 0
    printed = capsys.readouterr().out.splitlines()
    assert str(out / "shares_together_decoder.svg") in printed
    assert all(Path(line).is_file() for line in printed)
    assert "first/result" in (out / "shares_together_decoder.csv").read_text(encoding="utf-8")
    assert not (folders[0] / "figures").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["one", "two"], "give --out"),
        (["one", "two", "--out", "o", "--pair", "1,2"], "and no --pair"),
        (["one", "--out", "o"], "--out is for several"),
        (["one", "one", "--out", "o"], "given twice"),
    ],
)
def test_what_must_change_is_said(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("one", "two"):
        made_comparison().save(tmp_path / name)
    assert run("figures", *arguments) == 2
    assert message in capsys.readouterr().err
