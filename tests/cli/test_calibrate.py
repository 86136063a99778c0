"""`universality calibrate`, and what reads its file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.planted_recurrence import planted_seeds
from universality.cli import main
from universality.cli.calibrate import calibrate
from universality.cli.inspect import inspect
from universality.saving import save
from universality.shipped import shipped_folder


@pytest.fixture(scope="module")
def seeds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("seeds")
    for run in planted_seeds(4):
        save(run, folder / run.source.name)
    return folder


def test_it_reports_what_was_left_out_and_writes_what_inspect_reads(
    seeds: Path, tmp_path: Path
) -> None:
    out = tmp_path / "own.json"
    three = [str(seeds / f"seed{i}") for i in range(3)]
    result = CliRunner().invoke(calibrate, [*three, "--out", str(out), "--name", "my seeds"])
    assert result.exit_code == 0, result.output
    for words in ("decoder, from one run", "decoder and encoder, from two runs", "seed2", "kinder"):
        assert words in result.output
    shown = CliRunner().invoke(inspect, [str(seeds / "seed3"), "--calibration", str(out)])
    assert shown.exit_code == 0, shown.output
    assert "by my seeds, version 1" in shown.output
    assert "from one run: decoder" in shown.output


def test_another_recipe_gets_its_covariates_and_the_reason(seeds: Path) -> None:
    result = CliRunner().invoke(inspect, [str(seeds / "seed0"), "--reappearance"])
    assert "not calibrated here" in result.output
    assert "model planted, fitted on SmolLM2" in result.output
    assert "leading_energy" in result.output


def test_json_has_the_chance_of_every_latent() -> None:
    run = str(shipped_folder() / "w576-s0")
    result = CliRunner().invoke(inspect, [run, "--reappearance", "--json"])
    found = json.loads(result.output)["reappearance"]
    assert found["calibrated"]
    assert len(found["latents"]["p_reappears_decoder"]) == 576


@pytest.mark.parametrize(
    ("runs", "words"),
    [(["seed0", "seed1"], "takes 3 runs"), (["seed0", "seed1", "seed0"], "same_weights")],
)
def test_too_few_and_copies_are_one_line_and_exit_code_2(
    seeds: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], runs: list[str], words: str
) -> None:
    places = [str(seeds / run) for run in runs]
    with pytest.raises(SystemExit) as end:
        main(["calibrate", *places, "--out", str(tmp_path / "own.json")])
    assert end.value.code == 2
    assert words in capsys.readouterr().err
    assert not (tmp_path / "own.json").exists()
