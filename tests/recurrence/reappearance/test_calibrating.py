"""A calibration of one's own: what it learns from planted seeds, and what it refuses."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.made_runs import make_run, unit_rows
from tests.planted_recurrence import planted_seeds
from universality.errors import FormatError, InvalidInputError, UnsupportedError
from universality.reappearance.fitted_forecast import (
    KNOWN,
    RULES,
    Calibration,
    read_calibration,
    shipped_calibration,
)
from universality.reappearance.from_run import reappearance_of
from universality.recurrence.reappearance.calibrating import calibrate
from universality.saving import save
from universality.shipped import shipped_folder


@pytest.fixture(scope="module")
def made() -> Calibration:
    return calibrate(planted_seeds(4), name="planted")


def test_it_learns_that_frequent_latents_come_back(made: Calibration) -> None:
    run = planted_seeds(1, first=9)[0]
    found = reappearance_of(run, made)
    assert found.reasons == ()
    assert run.firing is not None
    frequent = (run.firing.frequency > 0.05).numpy()
    chances = found.latents["p_reappears_decoder"].to_numpy()
    assert chances[frequent].mean() == pytest.approx(0.81, abs=0.08)
    assert chances[~frequent].mean() < 0.12


def test_it_is_calibrated_on_the_runs_that_were_left_out(made: Calibration) -> None:
    for rule in RULES:
        for known in KNOWN:
            tests = made.tests[rule, known]
            assert list(tests) == ["seed0", "seed1", "seed2", "seed3"]
            assert np.mean([one.auc for one in tests.values()]) > 0.85
            assert np.mean([one.excess_error for one in tests.values()]) < 0.06
    assert made.how_tested == "each run by a fit to the others alone"


def test_latents_that_come_back_by_no_rule_are_not_told_apart() -> None:
    """A negative: with chances that nothing tells, the forecast is the base rate."""
    generator = torch.Generator().manual_seed(0)
    runs = [
        replace(run, firing=replace(run.firing, frequency=torch.rand(160, generator=generator)))
        for run in planted_seeds(4, first=20)
        if run.firing is not None
    ]
    tests = calibrate(runs).tests["decoder", "one_run"].values()
    assert np.mean([one.auc for one in tests]) < 0.65


def test_a_file_holds_all_of_it(made: Calibration, tmp_path: Path) -> None:
    made.save(tmp_path / "own.json")
    again = read_calibration(tmp_path / "own.json")
    assert again.as_record() == made.as_record()
    run = planted_seeds(1, first=9)[0]
    first, second = (reappearance_of(run, one).latents for one in (made, tmp_path / "own.json"))
    assert np.allclose(first["p_reappears_decoder"], second["p_reappears_decoder"], atol=1e-6)
    coefficients = json.loads((tmp_path / "own.json").read_text())["models"]["decoder"]["one_run"]
    assert set(coefficients["covariates"]["log_frequency"]) == {"mean", "sd", "linear", "square"}


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (lambda r: r | {"schema": "universality.comparison/2"}, "is no calibration"),
        (lambda r: {k: v for k, v in r.items() if k != "models"}, "lacks 'models'"),
        (lambda r: r | {"threshold": "high"}, "'threshold' must be a number"),
        (lambda r: r | {"domains": {"one_run": {}, "two_runs": {}}}, "lacks 'medians'"),
    ],
)
def test_damaged_files_are_refused_by_name(
    made: Calibration, tmp_path: Path, harm, words: str
) -> None:
    (tmp_path / "bad.json").write_text(json.dumps(harm(made.as_record())))
    with pytest.raises(FormatError, match=words):
        read_calibration(tmp_path / "bad.json")


def test_two_runs_are_too_few_and_so_are_two_widths() -> None:
    with pytest.raises(InvalidInputError, match=r"takes 3 runs of one recipe.*got 2"):
        calibrate(planted_seeds(2))
    with pytest.raises(InvalidInputError, match=r"3 runs of one width.*2 at most"):
        calibrate([*planted_seeds(2), *planted_seeds(2, n=80, first=5)])


def test_copies_and_shared_starts_are_named_and_refused() -> None:
    runs = planted_seeds(3)
    copy = replace(runs[0], source=replace(runs[0].source, name="copy"))
    with pytest.raises(InvalidInputError, match=r"same_weights.*seed0 and copy.*leave one"):
        calibrate([*runs, copy])
    moved = runs[0].W_dec + 0.01 * unit_rows(160, 24, seed=5)
    assert runs[0].W_enc is not None
    twin = replace(runs[0], W_dec=moved, source=replace(runs[0].source, name="twin"))
    twin = replace(twin, W_enc=runs[0].W_enc + 0.01 * unit_rows(160, 24, seed=6))
    with pytest.raises(InvalidInputError, match="shared_initialisation"):
        calibrate([*runs, twin])


def test_runs_of_different_recipes_are_said() -> None:
    runs = planted_seeds(3)
    other = replace(runs[2], key=replace(runs[2].key, model_name="another"))
    made = calibrate([*runs[:2], other])
    assert "differ in model" in made.note
    assert calibrate(runs).note == ""
    assert "kinder" in calibrate(runs).how_tested


def test_what_a_forecast_cannot_do_without() -> None:
    bare = [
        make_run(unit_rows(160, 24, seed=seed), name=f"r{seed}", seed=seed) for seed in range(3)
    ]
    with pytest.raises(UnsupportedError, match="no firing counts"):
        calibrate(bare)
    found = reappearance_of(bare[0])
    assert "no firing counts" in found.reasons[0]
    assert "p_reappears_decoder" not in found.latents


def test_a_dead_latent_has_no_chance(made: Calibration) -> None:
    run = planted_seeds(1, first=9)[0]
    assert run.firing is not None
    frequency = run.firing.frequency.clone()
    frequency[7] = 0
    dead = replace(run, firing=replace(run.firing, frequency=frequency))
    latents = reappearance_of(dead, made).latents
    assert not latents["alive"][7]
    assert np.isnan(latents["p_reappears_decoder"][7])
    assert latents["p_reappears_decoder"].notna().sum() == 159


def test_runs_with_several_widths_give_one_fit(tmp_path: Path) -> None:
    narrow = planted_seeds(2, n=100, first=5)
    for run in [*planted_seeds(3), *narrow]:
        save(run, tmp_path / run.source.name)
    made = calibrate(tmp_path)
    assert len(made.tests["decoder", "one_run"]) == 5
    assert len(made.tests["decoder", "two_runs"]) == 3
    assert {one.d_sae for one in made.domains["one_run"].recipes} == {100, 160}
    assert {one.d_sae for one in made.domains["two_runs"].recipes} == {160}


def test_the_shipped_calibration_meets_what_it_promises() -> None:
    shipped = shipped_calibration()
    for known, least in (("one_run", 0.79), ("two_runs", 0.87)):
        for rule in RULES:
            worth = shipped.worth(rule, known)
            assert worth["auc"] >= least
            assert max(t.excess_error for t in shipped.tests[rule, known].values()) <= 0.05


def test_the_shipped_calibration_speaks_of_the_shipped_runs_and_of_no_other() -> None:
    folder = shipped_folder()
    for name in ("w2304-s0-order1", "w576-s1"):
        assert reappearance_of(folder / name).reasons == ()
    assert "model planted" in reappearance_of(planted_seeds(1)[0]).reasons[0]


@pytest.mark.campaign
def test_the_shipped_calibration_is_what_the_shipped_runs_give() -> None:
    names = ("w2304-s0", "w2304-s1", "w2304-s2", "w1152-s0", "w1152-s1", "w576-s0", "w576-s1")
    shipped = shipped_calibration()
    made = calibrate([shipped_folder() / n for n in names], name=shipped.name)
    for key, model in shipped.models.items():
        assert made.models[key].linear == pytest.approx(model.linear, abs=1e-3), key
        assert made.models[key].square == pytest.approx(model.square, abs=1e-3), key
