"""`universality rules` and `universality null` as a person uses them."""

from __future__ import annotations

import json

import pytest
import torch

from tests.made_runs import make_run, unit_rows
from universality.cli import main
from universality.saving import save

FAST = ["--null", "isotropic", "--draws", "2"]


def run(*arguments: object) -> int:
    with pytest.raises(SystemExit) as left:
        main([str(one) for one in arguments])
    return int(left.value.code or 0)


@pytest.fixture
def runs(tmp_path):
    shared = unit_rows(30, 24, seed=0)
    for seed in (1, 2):
        order = torch.randperm(60, generator=torch.Generator().manual_seed(seed))
        rows = torch.cat([shared, unit_rows(30, 24, seed=seed)])[order]
        save(make_run(rows), tmp_path / "runs" / f"seed{seed}")
    return tmp_path / "runs"


def test_one_table_for_the_same_runs(runs, capsys) -> None:
    assert run("rules", runs, *FAST, "--floor", f"same={runs}", "--strict") == 0
    screen = capsys.readouterr().out
    assert "2 runs: seed1, seed2" in screen
    assert "paulo2025      share of latents                 0.5000  0.0000" in screen
    assert "gurnee2024     skipped: no activations (--activations)" in screen
    assert "untrained  same" in screen
    assert max(map(len, screen.splitlines())) <= 110


def test_json_is_the_summary_and_a_void_pair_leaves_with_three(runs, capsys) -> None:
    pair = (runs / "seed1", runs / "seed1")
    assert run("rules", *pair, *FAST, "--rule", "song2025", "--json", "--strict") == 3
    found = json.loads(capsys.readouterr().out)
    assert found["schema"] == "universality.rules/1"
    assert found["validity"]["valid"] is False
    assert [row["rule"] for row in found["rules"]] == ["song2025"]
    assert run("rules", *pair, *FAST, "--rule", "song2025") == 0
    assert capsys.readouterr().out.startswith("Both runs hold the same weights")


def test_what_chance_gives_needs_no_run(capsys) -> None:
    assert run("null", "--d", 400, "--a", 400, "--b", 1600, "--rule", "mcs", "--json") == 0
    first, back = json.loads(capsys.readouterr().out)
    assert {"rule", "d", "n_a", "n_b", "mean", "sd", "quantiles", "shares"} <= set(first)
    assert first["mean"] == pytest.approx(0.168, abs=5e-4)
    assert back["mean"] < first["mean"]
    assert run("null", "--d", 400, "--a", 400) == 0
    screen = capsys.readouterr().out
    assert "two unrelated runs of 400 and 400 latents in 400 dimensions" in screen
    assert "exact" in screen


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["rules"], "Missing argument"),
        (["rules", "RUNS", "--rule", "nope"], "--rule takes all"),
        (["rules", "RUNS", "--floor", "frozen"], "is not NAME=RUNS"),
        (["rules", "RUNS", "--floor", "a=nowhere"], "nowhere"),
        (["rules", "RUNS", "--truth", "nowhere"], "nowhere"),
        (["null", "--d", "1", "--a", "10"], "--d"),
        (["null", "--d", "8", "--a", "10", "--rule", "nope"], "--rule takes all"),
        (["null", "--d", "8"], "--a"),
    ],
)
def test_mistakes_are_said_in_one_line(runs, capsys, arguments, message) -> None:
    assert run(*(str(runs) if one == "RUNS" else one for one in arguments)) == 2
    error = capsys.readouterr().err
    assert message in error
    assert len(error.splitlines()) == 1
