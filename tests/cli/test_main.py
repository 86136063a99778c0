"""The console script as a process: what it prints, and the code it leaves with."""

from __future__ import annotations

import subprocess
import sys

import pytest


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
