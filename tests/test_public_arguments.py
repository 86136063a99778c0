"""No public function takes an argument that it cannot use, or answers one with a crash."""

from __future__ import annotations

import dataclasses
import inspect
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.public_arguments import CLASSES, public_functions, table_of

FUNCTIONS = public_functions()


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_every_parameter_of_a_public_function_has_a_constraint(name: str) -> None:
    function = FUNCTIONS[name]
    parameters = set(inspect.signature(function).parameters)
    if name in CLASSES:
        parameters = {field.name for field in dataclasses.fields(function)}
    assert set(table_of(name, function)) == parameters, (
        f"un.{name}: give it `@takes(...)` with a constraint for each parameter"
    )


def test_wrong_arguments_give_our_error_that_names_them() -> None:
    """In a process of its own, where no type checker of the test run stands before them."""
    root = Path(__file__).resolve().parents[1]
    done = subprocess.run(
        [sys.executable, "-m", "tests.public_arguments"],
        cwd=root,
        env=os.environ | {"PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert not done.returncode, done.stdout + done.stderr
