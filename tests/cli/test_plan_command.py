"""A plan from the command line: planned with the command's options, worked off, merged."""

from __future__ import annotations

import inspect
import json
from dataclasses import fields
from pathlib import Path

import pytest

from tests.made_runs import make_run, unit_rows
from universality.cli.main import main
from universality.cli.plan import plan
from universality.distributed.planning import planned_function
from universality.runs.policy import Policy
from universality.saving import save

FAST = ["--null", "isotropic", "--draws", "2"]


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.chdir(tmp_path)
    for seed in range(2):
        save(make_run(unit_rows(30, 12, seed=seed), name=f"s{seed}"), tmp_path / f"s{seed}")
    return ["s0", "s1"]


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr("sys.argv", ["universality", *arguments])
    with pytest.raises(SystemExit) as left:
        main(list(arguments))
    return int(left.value.code or 0)


def test_every_option_of_a_plan_is_an_argument_or_of_the_policy() -> None:
    own = {"out", "threads", "estimate", "format_"}
    of_policy = {field.name for field in fields(Policy)}
    for name, command in plan.commands.items():
        taken = inspect.signature(planned_function(name)).parameters
        given = {str(one.name) for one in command.params if one.expose_value} - own - of_policy
        assert given <= set(taken), "universality plan: leave the option out, or let it be planned"


@pytest.mark.parametrize("command", ["compare", "stability"])
def test_a_plan_is_made_worked_off_and_merged(
    command: str,
    runs: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    typed = [command, *runs, *FAST]
    assert run(monkeypatch, *typed, "--out", "plain") == 0
    assert run(monkeypatch, "plan", *typed, "--out", "P") == 0
    capsys.readouterr()
    assert run(monkeypatch, "merge", "P", "--out", "merged") == 2
    assert "tiles are missing" in capsys.readouterr().err
    assert run(monkeypatch, "work", "P", "--shard", "1/2") == 0
    assert run(monkeypatch, "status", "P") == 0
    screen = capsys.readouterr().out
    assert "shard 1/2: " in screen
    assert "missing:" in screen
    assert run(monkeypatch, "work", "P", "--claim") == 0
    assert run(monkeypatch, "merge", "P", "--out", "merged") == 0
    plain, merged = (json.loads(Path(n, "manifest.json").read_text()) for n in ("plain", "merged"))
    assert merged["outputs"] == plain["outputs"]
    assert merged["inputs"] == plain["inputs"]
    assert merged["command"] == [word.replace("plain", "merged") for word in plain["command"]]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["work", "nowhere"], "make a plan first"),
        (["status", "nowhere"], "make a plan first"),
        (["work", "P", "--shard", "2/2"], "numbered 0 to 1"),
        (["work", "P", "--shard", "x"], "--shard takes i/n"),
        (["work", "P", "--engine", "ray", "--claim"], "leave out --shard and --claim"),
        (["work", "P", "--workers", "2"], "--workers are those of --engine"),
        (["plan", "stability"], "give runs"),
        (["plan", "compare", "s0", "s9"], "s9"),
        (["plan", "compare", "s0", "s1", "--threads", "0"], "--threads"),
    ],
)
def test_rubbish_is_named_in_one_line(
    runs: list[str],
    arguments: list[str],
    message: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(monkeypatch, "plan", "compare", *runs, *FAST, "--out", "P") == 0
    assert run(monkeypatch, *arguments) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert message in error


def test_an_estimate_makes_three_tiles_and_says_hours(
    runs: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "plan", "compare", *runs, *FAST, "--out", "P", "--estimate") == 0
    screen = capsys.readouterr().out
    assert "hours" in screen
    assert "not timed" in screen
    assert run(monkeypatch, "status", "P") == 0
    assert capsys.readouterr().out.startswith("3 of ")
