"""What reaches a terminal, and what happens where there is none."""

from __future__ import annotations

import ast
import io
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import universality.cli
from universality.cli import main
from universality.cli.terminal import say
from universality.intake.names import all_visible, visible

FAST = ["--null", "isotropic", "--draws", "2", "--view", "decoder"]
FORGED = "x\x1b[31m\x1b]0;title\x07\nerror: forged"


def save_array(path: Path, seed: int) -> Path:
    np.save(path, np.random.default_rng(seed).standard_normal((40, 16)).astype(np.float32))
    return path


def shell(line: str, *arguments: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    """`universality ARGUMENTS`, with the redirections of the line."""
    command = f'"$0" -m universality "$@" {line}'
    return subprocess.run(
        ["bash", "-c", command, sys.executable, *map(str, arguments)],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(Path(universality.cli.__file__).parents[2])},
        capture_output=True,
        text=True,
        check=False,
    )


def test_control_characters_become_escapes() -> None:
    assert visible("plain text, größer – ok") == "plain text, größer – ok"
    assert visible(FORGED) == r"x\x1b[31m\x1b]0;title\x07\nerror: forged"
    assert visible("a\udcff\u202eb\u2028") == r"a\udcff\u202eb\u2028"
    assert all_visible({"k\n": ["\x1b", 1, None, ("\r",)]}) == {r"k\n": [r"\x1b", 1, None, [r"\r"]]}


def test_everything_is_printed_through_one_door() -> None:
    folder = Path(universality.cli.__file__).parent
    printing = [
        path.name
        for path in sorted(folder.glob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and (ast.unparse(node.func) in ("click.echo", "click.secho", "print"))
    ]
    assert set(printing) == {"terminal.py"}


@pytest.mark.parametrize("command", ["compare", "stability"])
def test_a_path_cannot_steer_the_terminal(
    command: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    runs = [save_array(tmp_path / f"{FORGED}.npy", 0).name, save_array(tmp_path / "1.npy", 1).name]
    with pytest.raises(SystemExit) as left:
        main([command, *runs, "--out", f"out{FORGED}", *FAST])
    assert left.value.code == 0
    with pytest.raises(SystemExit) as left:
        main([command, f"not{FORGED}", "--out", "other", *FAST])
    assert left.value.code == 2
    captured = capsys.readouterr()
    shown = captured.out + captured.err
    assert not any(ord(one) < 32 for one in shown.replace("\n", ""))
    assert not any(line.startswith("error: forged") for line in shown.splitlines())
    assert captured.err.count("\n") == 1


@pytest.mark.parametrize("command", ["compare", "stability"])
def test_names_that_are_no_utf8_are_shown_with_escapes(command: str, tmp_path: Path) -> None:
    odd = save_array(tmp_path / "plain.npy", 0).rename(tmp_path / "n\udcff.npy")
    with pytest.raises(SystemExit) as left:
        main([command, str(odd), str(save_array(tmp_path / "1.npy", 1)), "--out",
              str(tmp_path / "out"), *FAST])  # fmt: skip
    assert left.value.code == 0
    report = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert r"n\udcff" in report.replace(r"\\", "\\")


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_streams_are_silence(closed: str, tmp_path: Path) -> None:
    save_array(tmp_path / "0.npy", 0)
    done = shell(closed, "inspect", "0.npy", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert shell(closed, "inspect", "nowhere", cwd=tmp_path).returncode == 2


def test_with_all_streams_closed_the_result_is_whole(tmp_path: Path) -> None:
    runs = [save_array(tmp_path / f"{seed}.npy", seed) for seed in range(2)]
    done = shell("<&- >&- 2>&-", "compare", *runs, "--out", "out", *FAST, cwd=tmp_path)
    assert done.returncode == 0
    assert (tmp_path / "out" / "manifest.json").is_file()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_standard_output_is_one_line_and_the_result_whole(tmp_path: Path) -> None:
    runs = [save_array(tmp_path / f"{seed}.npy", seed) for seed in range(2)]
    said = "error: cannot print to standard output: No space left on device"
    done = shell("> /dev/full", "compare", *runs, "--out", "out", *FAST, cwd=tmp_path)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert done.stderr.startswith(said)
    assert (tmp_path / "out" / "manifest.json").is_file()
    for arguments in (["--help"], ["compare", "--help"], ["pretrained", "list", "--json"]):
        done = shell("> /dev/full", *arguments, cwd=tmp_path)
        assert (done.returncode, done.stderr.count("\n")) == (2, 1), arguments
        assert done.stderr.startswith(said)
    assert shell("2> /dev/full", "compare", "nowhere", "nowhere", cwd=tmp_path).returncode == 2


def test_a_reader_that_has_enough_is_no_error(tmp_path: Path) -> None:
    done = shell(
        "| head -c 10 > /dev/null; exit ${PIPESTATUS[0]}", "pretrained", "list", cwd=tmp_path
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_a_matplotlibrc_of_the_user_changes_nothing(tmp_path: Path) -> None:
    runs = [save_array(tmp_path / f"{seed}.npy", seed) for seed in range(2)]
    pictures = []
    for number, lines in enumerate(("", "text.usetex: True\naxes.facecolor: red\n")):
        (tmp_path / "matplotlibrc").write_text(lines)
        done = shell("", "compare", *runs, "--out", f"out{number}", *FAST, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        folder = tmp_path / f"out{number}" / "figures"
        pictures.append({file.name: file.read_bytes() for file in folder.iterdir()})
    assert pictures[0] == pictures[1]
    (tmp_path / "matplotlibrc").write_bytes(b"a\xff: True\n")
    done = shell("", "figures", "out0", cwd=tmp_path)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert done.stderr.splitlines()[-1].startswith("error: matplotlib cannot start: a matplotlibrc")


@pytest.mark.parametrize(
    ("terminal", "no_color", "coloured"),
    [(True, "", True), (True, "1", False), (False, "", False)],
)
def test_colour_is_for_terminals_that_nobody_forbade_it(
    monkeypatch: pytest.MonkeyPatch, terminal: bool, no_color: str, coloured: bool
) -> None:
    monkeypatch.setenv("NO_COLOR", no_color)
    monkeypatch.setenv("TERM", "xterm")
    stream = io.StringIO()
    monkeypatch.setattr(stream, "isatty", lambda: terminal)
    monkeypatch.setattr(sys, "stdout", stream)
    say("WARN few tokens\nWARNING is no such word\n\x1b[31mforged")
    first, *_, last = stream.getvalue().splitlines()
    assert first == ("\x1b[33m\x1b[1mWARN\x1b[0m few tokens" if coloured else "WARN few tokens")
    assert last == r"\x1b[31mforged"
