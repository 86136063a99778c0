"""What a comparison says of one run more: columns where a calibration speaks, reasons elsewhere."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.planted_recurrence import planted_seeds
from universality.comparison import Policy, compare
from universality.reappearance.fitted_forecast import KNOWN, Calibration
from universality.reappearance.from_run import reappearance_of
from universality.recurrence.reappearance.calibrating import calibrate

FAST = Policy(views=("decoder", "encoder"), nulls=("isotropic",), n_draws=2)


@pytest.fixture(scope="module")
def made() -> Calibration:
    return calibrate(planted_seeds(4), name="planted")


def test_what_the_other_run_has_too_is_known_to_come_back(made: Calibration) -> None:
    a, b, c = planted_seeds(3, first=10)
    found = compare(a, b, FAST, calibration=made)
    third = compare(a, c, FAST, calibration=made).latents_a
    chance = found.latents_a["p_reappears_decoder"].to_numpy()
    again = third["partner_similarity_decoder"].to_numpy() >= 0.7
    assert chance[again].mean() > chance[~again].mean() + 0.4
    assert np.abs(chance.mean() - again.mean()) < 0.1
    record = found.summary["reappearance"]["a"]
    assert record["calibrated"]
    assert record["known"] == KNOWN[1]
    assert found.latents_a["p_reappears"].equals(found.latents_a["p_reappears_decoder_and_encoder"])


def test_a_second_run_adds_to_what_one_says(made: Calibration) -> None:
    a, b = planted_seeds(2, first=10)
    alone = reappearance_of(a, made).latents["p_reappears_decoder"]
    beside = compare(a, b, FAST, calibration=made).latents_a["p_reappears_decoder"]
    assert 0.5 < np.corrcoef(alone, beside)[0, 1] < 0.9999


def test_another_recipe_has_reasons_and_no_columns() -> None:
    a, b = planted_seeds(2)
    found = compare(a, b, FAST)
    assert "p_reappears" not in found.latents_a
    for side in "ab":
        record = found.summary["reappearance"][side]
        assert not record["calibrated"]
        assert "model planted" in record["reasons"][0]


@pytest.mark.parametrize(
    ("policy", "words"),
    [
        (replace(FAST, views=("decoder",)), "takes both views"),
        (replace(FAST, absolute=True), "cosines with their sign"),
    ],
)
def test_what_was_not_fitted_is_said(made: Calibration, policy: Policy, words: str) -> None:
    a, b = planted_seeds(2, first=10)
    found = compare(a, b, policy, calibration=made)
    assert words in found.summary["reappearance"]["a"]["reasons"][0]


def test_copies_have_no_chance_and_name_the_check(made: Calibration) -> None:
    (a,) = planted_seeds(1, first=10)
    copy = replace(a, source=replace(a.source, name="copy"))
    found = compare(a, copy, FAST, calibration=made)
    assert "same_weights" in found.summary["reappearance"]["b"]["reasons"][0]
    assert "p_reappears" not in found.latents_b


def test_latents_that_take_no_part_have_no_chance(made: Calibration) -> None:
    a, b = planted_seeds(2, first=10)
    assert a.firing is not None
    frequency = a.firing.frequency.clone()
    frequency[3] = 0
    dead = replace(a, firing=replace(a.firing, frequency=frequency))
    latents = compare(dead, b, FAST, calibration=made).latents_a
    assert np.flatnonzero(latents["p_reappears"].isna()).tolist() == [3]
