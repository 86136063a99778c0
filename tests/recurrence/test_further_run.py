"""What a study says of one run more: columns, tables and reasons."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.planted_recurrence import planted_seeds
from universality.recurrence.study import stability
from universality.results import Stability, read_stability
from universality.runs.policy import Policy

FAST = Policy(views=("decoder", "encoder"), nulls=("isotropic",), n_draws=2)
RULES = ("decoder", "encoder", "decoder_and_encoder")


@pytest.fixture(scope="module")
def five() -> Stability:
    return stability(planted_seeds(5), FAST)


def test_latents_found_in_more_runs_have_higher_chances_and_the_planted_ones(
    five: Stability,
) -> None:
    for rule in RULES:
        by_k = five.latents.groupby(f"n_runs_found_{rule}")[f"p_reappears_{rule}"]
        assert (by_k.nunique() == 1).all()
        assert (np.diff(by_k.first()) > 0).all()
        assert by_k.first()[1] < 0.1
        assert by_k.first()[5] == pytest.approx(0.9, abs=0.05)
    assert five.latents["p_reappears"].equals(five.latents["p_reappears_decoder_and_encoder"])


def test_intervals_hold_the_chance_and_families_have_that_of_their_members(
    five: Stability,
) -> None:
    low, p, high = (five.latents[f"p_reappears{end}_decoder"] for end in ("_low", "", "_high"))
    assert ((low <= p) & (p <= high)).all()
    family = five.families[five.families["view"] == "decoder"].iloc[0]
    members = five.latents[five.latents["family_decoder"] == family["family"]]
    assert family["p_reappears"] == pytest.approx(members["p_reappears_decoder"].mean())


def test_every_run_is_predicted_by_the_others_alone(five: Stability) -> None:
    assert five.left_out is not None
    at = five.left_out.query("view == 'decoder' and threshold == 0.7")
    assert set(at["held_out_run"]) == {f"seed{i}" for i in range(5)}
    error = five.summary["reappearance"]["rules"]["decoder"]["calibration_error"]
    assert error == pytest.approx(
        np.average((at["predicted"] - at["observed"]).abs(), weights=at["n"])
    )
    assert error < 0.08


def test_chances_and_census_stand_at_every_threshold_beside_the_null(five: Stability) -> None:
    assert five.reappearance is not None
    assert five.census is not None
    for table in (five.reappearance, five.census):
        assert set(table["view"]) == set(RULES)
        assert {0.3, 0.7, 0.9} <= set(table["threshold"])
    chance = five.reappearance.query("view == 'decoder' and threshold == 0.7")
    assert (chance["null"] < 0.05).all()
    census = five.summary["census"]["rules"]["decoder"]
    assert census["null"]["q"][0] > census["q"][0]
    assert five.summary["only_in_one_by_view"]["decoder"][-1]["fraction"] == pytest.approx(
        1
        - five.census.query("view == 'decoder' and threshold == 0.7 and n_runs == 4")[
            "coverage"
        ].iloc[0]
    )


def test_it_is_saved_and_read(five: Stability, tmp_path: Path) -> None:
    five.save(tmp_path)
    again = read_stability(tmp_path)
    assert again.census is not None
    assert again.left_out is not None
    assert len(again.census) == len(five.census if five.census is not None else [])
    assert again.latents["p_reappears"].equals(five.latents["p_reappears"])


def test_three_runs_have_chances_without_intervals() -> None:
    found = stability(planted_seeds(3), FAST)
    assert found.latents["p_reappears"].notna().all()
    assert found.latents["p_reappears_low_decoder"].isna().all()
    assert "4 runs" in found.summary["reappearance"]["interval_note"]
    assert found.left_out is not None
    assert found.left_out.empty


def test_two_runs_say_why_they_have_none() -> None:
    found = stability(planted_seeds(2), FAST)
    assert "p_reappears" not in found.latents
    assert found.reappearance is None
    assert "takes 3" in found.summary["reappearance"]["reason"]
    assert found.census is not None


def test_a_copy_is_left_out_and_the_chances_are_those_without_it() -> None:
    runs = planted_seeds(3)
    copy = replace(runs[0], source=replace(runs[0].source, name="copy"))
    found = stability([*runs, copy], FAST)
    (left,) = found.summary["dependent"]["left_out"]
    assert (left["run"], left["depends_on"], left["check"]) == ("copy", "seed0", "same_weights")
    alone = stability(runs, FAST)
    assert found.latents["p_reappears"].equals(alone.latents["p_reappears"])


def test_runs_of_different_recipes_are_said() -> None:
    runs = planted_seeds(3)
    other = replace(runs[2], key=replace(runs[2].key, hook_name="blocks.1.hook_resid_post"))
    found = stability([*runs[:2], other], FAST)
    assert "differ in hook" in found.summary["reappearance"]["note"]


def test_a_dead_latent_has_no_chance() -> None:
    runs = planted_seeds(3)
    assert runs[0].firing is not None
    frequency = runs[0].firing.frequency.clone()
    frequency[7] = 0
    runs[0] = replace(runs[0], firing=replace(runs[0].firing, frequency=frequency))
    latents = stability(runs, FAST).latents
    assert latents.loc[latents["p_reappears"].isna(), ["run", "latent"]].values.tolist() == [
        ["seed0", 7]
    ]
