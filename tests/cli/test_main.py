"""The console script as a process: what it prints, and the code it leaves with."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from universality.cli.main import cli, main


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


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_a_signal_ends_a_command_with_its_own_code(monkeypatch, capsys, number, code) -> None:
    monkeypatch.setattr(cli, "main", lambda **_: signal.raise_signal(number))
    before = signal.getsignal(number)
    with pytest.raises(SystemExit) as left:
        main([])
    assert left.value.code == code
    assert "interrupted; nothing was left behind" in capsys.readouterr().err
    assert signal.getsignal(number) == before


def test_what_is_to_be_ignored_stays_ignored(monkeypatch) -> None:
    monkeypatch.setattr(cli, "main", lambda **_: signal.raise_signal(signal.SIGHUP))
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with pytest.raises(SystemExit) as left:
            main([])
    finally:
        signal.signal(signal.SIGHUP, before)
    assert left.value.code == 0
