"""`universality latent`, of saved results and of runs."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.made_results import made_comparison, made_stability
from universality.cli import main
from universality.results.verdicts import verdict
from universality.shipped import shipped_folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made_comparison().save(tmp_path / "result")
    return tmp_path / "result"


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as left:
        main(list(arguments))
    return int(left.value.code or 0)


def test_a_saved_latent_is_shown_with_its_texts(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("latent", str(folder), "a:7") == 0
    printed = capsys.readouterr().out
    assert printed.startswith(repr(verdict(made_comparison(), "a:7")))
    assert "a 7 | b 32: where either fires most" in printed
    assert printed.count("some text[ token7] after") == 1
    assert run("latent", str(folder), "b 32") == 0
    assert "some text[ token7] after" in capsys.readouterr().out


def test_it_needs_no_torch(folder: Path) -> None:
    script = (
        "import sys; from universality.cli import main\n"
        "try: main(['latent', sys.argv[1], 'a:7'])\n"
        "except SystemExit as end: assert end.code == 0\n"
        "assert not {'torch', 'matplotlib', 'scipy'} & set(sys.modules), 'a heavy import'"
    )
    subprocess.run([sys.executable, "-c", script, str(folder)], check=True, capture_output=True)


def test_json_has_the_numbers_and_the_texts(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("latent", str(folder), "a:7", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    expected = verdict(made_comparison(), "a:7")
    assert found["sentences"] == list(expected.sentences)
    similarities = [one["similarity"] for one in found["views"]]
    assert similarities == pytest.approx(expected.views["similarity"].tolist(), abs=1e-14)
    assert found["contexts"][0]["tokens"][2] == " token7"


def test_families_and_latents_of_many_runs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made_stability().save(tmp_path)
    assert run("latent", str(tmp_path), "family:1") == 0
    assert "before [" in capsys.readouterr().out
    assert run("latent", str(tmp_path), "r1:1") == 0
    assert "before [" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["a:40"], "no latent 40 in a"),
        (["17"], "a latent is named as a:17"),
        (["a:1", "--null", "isotropic"], "--null: a saved result is shown as it was made"),
        (["a:1", "--activations", "x"], "--activations: a saved result"),
    ],
)
def test_what_cannot_be_shown_is_said_in_one_line(
    folder: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    assert run("latent", str(folder), *arguments) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.count("\n") == 1
    assert message in printed.err


def test_a_folder_without_a_result_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("latent", str(tmp_path), "a:1") == 2
    assert "holds no result" in capsys.readouterr().err


def test_without_a_result_two_runs_are_compared(capsys: pytest.CaptureFixture[str]) -> None:
    """Narrow shipped runs, one view, the null in closed form where there is one."""
    runs = [str(shipped_folder() / f"w576-s{seed}") for seed in (0, 1)]
    options = ["--view", "decoder", "--null", "isotropic", "--draws", "2"]
    assert run("latent", runs[0], "17", "--in", runs[1], *options) == 0
    printed = capsys.readouterr().out
    assert "a 17" in printed.splitlines()[0]
    assert "No texts: made without activations." in printed
