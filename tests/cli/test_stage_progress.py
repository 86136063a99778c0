"""What a person at a terminal sees while `compare` and `stability` run."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import universality.cli

pty = pytest.importorskip("pty")  # no terminals of this kind on Windows
termios = pytest.importorskip("termios")

FAST = ["--null", "isotropic", "--draws", "2", "--view", "decoder"]
JARGON = ("augmenting", "violations", "gap=", "it/s", "block/s")


def seen(*arguments: object) -> str:
    """What `universality ARGUMENTS` draws on standard error, where that is a terminal."""
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, 100))
    process = subprocess.Popen(
        [sys.executable, "-m", "universality", *map(str, arguments)],
        stdout=subprocess.DEVNULL,
        stderr=theirs,
        env={
            **os.environ,
            "PYTHONPATH": str(Path(universality.cli.__file__).parents[2]),
            "TERM": "xterm",
        },
    )
    os.close(theirs)
    drawn = b""
    try:
        while part := os.read(ours, 4096):
            drawn += part
    except OSError:  # the end of a terminal that nobody holds any more
        pass
    finally:
        os.close(ours)
    assert process.wait() == 0, drawn
    return drawn.decode()


@pytest.fixture
def runs(tmp_path: Path) -> list[Path]:
    places = [tmp_path / f"run-{seed}.npy" for seed in range(3)]
    for seed, place in enumerate(places):
        rows = np.random.default_rng(seed).standard_normal((60, 16))
        np.save(place, rows.astype(np.float32))
    return places


@pytest.mark.parametrize(("command", "n_runs"), [("compare", 2), ("stability", 3)])
def test_one_line_counts_the_stages(
    command: str, n_runs: int, runs: list[Path], tmp_path: Path
) -> None:
    drawn = seen(command, *runs[:n_runs], *FAST, "--out", tmp_path / "out")
    assert "\n" not in drawn
    assert not any(word in drawn for word in JARGON)
    lines = [line.strip() for line in drawn.split("\r") if line.strip()]
    numbers = [re.match(r"(\d) of (\d): \w", line) for line in lines]
    assert all(numbers), lines
    order = [int(found[1]) for found in numbers if found]
    assert order == sorted(order)
    last = {int(found[2]) for found in numbers if found}
    assert set(order) == set(range(1, max(last) + 1))
    assert drawn.endswith("\r")


def test_verbose_shows_what_the_solver_is_at(runs: list[Path], tmp_path: Path) -> None:
    drawn = seen("compare", *runs[:2], *FAST, "--verbose", "--out", tmp_path / "out")
    assert "looking at every pair" in drawn
    assert "1 of 7" not in drawn
