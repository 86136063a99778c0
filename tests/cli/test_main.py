"""The console script as a process: what it prints, and the code it leaves with."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from universality.cli.main import main


def universality(*arguments: str) -> subprocess.CompletedProcess[str]:
    code = "from universality.cli import run; run()"
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("arguments", "code", "out", "err"),
    [
        (("--version",), 0, "universality, version", ""),
        (("compare", "nowhere", "nowhere"), 2, "", "error: no such file or folder: nowhere"),
        (("compare",), 2, "", "error: Missing argument 'A'"),
    ],
)
def test_it_leaves_with_the_code_of_main_and_prints_everything(
    arguments: tuple[str, ...], code: int, out: str, err: str
) -> None:
    done = universality(*arguments)
    assert done.returncode == code
    assert done.stdout.startswith(out)
    assert done.stderr.startswith(err)


def test_python_m_is_the_command() -> None:
    command = [sys.executable, "-m", "universality", "--version"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, universality("--version").stdout)


def test_a_folder_that_begins_with_a_dash_is_answered_with_its_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "-run").mkdir()
    for given, advised in (("-run", True), ("-other", False)):
        with pytest.raises(SystemExit) as left:
            main(["compare", given, "b"])
        error = capsys.readouterr().err
        assert left.value.code == 2
        assert ("write ./-run" in error) == advised
