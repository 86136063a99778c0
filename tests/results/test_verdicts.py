"""A verdict says what the tables hold: grades, counts, words, and who is named."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.made_results import made_comparison, made_stability
from universality.errors import InvalidInputError
from universality.results import Comparison, read_comparison, read_stability
from universality.results.latent_names import LatentAddress, latent_address
from universality.results.verdict_words import q_text, similarity_text
from universality.results.verdicts import verdict

SAVED = Path(__file__).resolve().parents[1] / "fixtures" / "results_of_0_1"


@pytest.fixture(scope="module")
def comparison() -> Comparison:
    made = made_comparison()
    made.summary["checks"] = []
    return made


@pytest.mark.parametrize("side", ["a", "b"])
def test_every_grade_is_the_tables_and_they_add_up_to_the_width(
    comparison: Comparison, side: str
) -> None:
    latents = comparison.latents_a if side == "a" else comparison.latents_b
    verdicts = [verdict(comparison, f"{side}:{latent}") for latent in latents["latent"]]
    assert [one.grade for one in verdicts] == latents["grade"].tolist()
    for number, view in enumerate(comparison.summary["views"]):
        by_view = [one.views["grade"][number] for one in verdicts]
        assert by_view == latents[f"grade_{view}"].tolist()
    counts = pd.Series([one.grade for one in verdicts]).value_counts().to_dict()
    known = comparison.summary["grades"][side]["all"]
    assert counts == {grade: n for grade, n in known.items() if n}
    assert sum(counts.values()) == len(latents)


@pytest.mark.parametrize("threshold", [0.2, 0.7, 0.95])
def test_grades_at_another_threshold_follow_from_the_numbers(
    comparison: Comparison, threshold: float
) -> None:
    """An oracle of its own: same from the similarity, similar from the flag."""
    for row in comparison.latents_a.to_dict("records"):
        found = verdict(comparison, f"a:{row['latent']}", threshold=threshold)
        expected = "none"
        if not row["alive"]:
            expected = "dead"
        elif row["partner_similarity_decoder"] >= threshold:
            expected = "same"
        elif row["above_chance_decoder"]:
            expected = "similar"
        assert found.grade == expected


def test_the_numbers_are_those_of_the_table(comparison: Comparison) -> None:
    row, summary = comparison.latents_b.iloc[27], comparison.summary
    found = verdict(comparison, "b/27").views.set_index("view").loc["encoder"]
    assert found["partner"] == row["partner_encoder"] == 12
    assert found["similarity"] == row["partner_similarity_encoder"]
    assert found["chance"] == summary["views"]["encoder"]["greedy"]["b_to_a"]["null_mean"]
    assert found["q_value"] == row["q_value_encoder"]
    # Its partner is the nearest, so the runner-up is who else is near.
    assert found["also_near"] == row["runner_up_encoder"]
    assert found["also_near_similarity"] == pytest.approx(
        row["nearest_similarity_encoder"] - row["margin_encoder"]
    )
    assert found["own_nearest"] == row["own_nearest_encoder"]
    assert found["own_nearest_similarity"] == row["own_nearest_similarity_encoder"]


def test_same_similar_none_and_dead_in_words(comparison: Comparison) -> None:
    said = {latent: verdict(comparison, f"a:{latent}").sentences for latent in (0, 20, 38, 39)}
    assert said[0] == (
        "Same: a 0 is also in b (made b), at 0.7 or above by decoder, encoder, activations.",
        "All views name the same latent, b 39.",
    )
    assert said[20][0].startswith("Similar: a 20 has a counterpart in b (made b): similar by")
    assert said[38][0].startswith("None: no counterpart of a 38 was found in b (made b)")
    assert said[39] == ("Dead: a 39 never fires, or has a row of zeros.",)


def test_views_that_disagree_are_named_apart() -> None:
    made = made_comparison()
    made.summary["checks"] = []
    made.latents_a.loc[3, ["partner_encoder", "grade_encoder", "grade"]] = [9, "none", "similar"]
    found = verdict(made, "a:3").sentences
    assert ": same by decoder, activations; none by encoder." in found[0]
    assert found[1] == (
        "The views do not name one latent: decoder b 36, encoder b 9, activations b 36."
    )


def test_who_is_nearer_than_the_partner_is_named() -> None:
    made = made_comparison()
    made.latents_a.loc[3, ["nearest_decoder", "nearest_similarity_decoder"]] = [8, 0.97]
    assert verdict(made, "a:3").shown[1][6] == "b 8 at 0.9700"


def test_the_rule_that_found_a_latent_too_rare_is_said() -> None:
    made = made_comparison()
    made.summary["checks"] = []
    grades = [name for name in made.latents_a if name.startswith("grade")]
    made.latents_a.loc[39, grades] = "rare"
    assert verdict(made, "a:39").sentences == (
        "Rare: a 39 fires too rarely to be judged (rule: made).",
    )


def test_the_probability_to_come_back_stands_where_it_is_known() -> None:
    made = made_comparison()
    made.latents_a["p_reappears"] = np.linspace(1, 0, 40)
    assert verdict(made, "a:0").sentences[-1] == "Probability to come back in another run: 1.00."
    made.latents_a.loc[0, "p_reappears"] = np.nan
    assert "come back" not in " ".join(verdict(made, "a:0").sentences)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (2.3e-27, "2e-27"),
        (0.0, "below 1e-300"),
        (9.6e-4, "1e-3"),
        (0.0013, "0.001"),
        (0.25, "0.250"),
        (float("nan"), "-"),
        (None, "-"),
    ],
)
def test_small_numbers_say_how_small(value: float | None, text: str) -> None:
    assert q_text(value) == text
    assert q_text(0.5, at_most=True) == "at most 0.500"


def test_a_similarity_just_below_the_threshold_does_not_look_like_it() -> None:
    assert similarity_text(0.699929) == "0.6999"


@pytest.mark.parametrize("text", ["a:17", "a/17", "a 17", "#a/17", " a : 17 "])
def test_every_spelling_of_an_address(text: str) -> None:
    assert latent_address(text) == LatentAddress("a", 17)


@pytest.mark.parametrize("text", ["", "17", "a:", "a:-1", "a:x", "a:1.5", ":3"])
def test_what_names_no_latent_is_refused(text: str) -> None:
    with pytest.raises(InvalidInputError, match="a latent is named as a:17"):
        latent_address(text)


def test_unknown_latents_families_and_runs_are_named(comparison: Comparison) -> None:
    with pytest.raises(InvalidInputError, match=r"no latent 40 in a .*it has 40, counted from 0"):
        verdict(comparison, "a:40")
    with pytest.raises(InvalidInputError, match="latents of a and of b"):
        verdict(comparison, "family:0")
    many = made_stability()
    for name, message in (
        ("family:3", "no family 3 by decoder: there are 3"),
        ("family/encoder:0", "no families by 'encoder'; there are families by decoder"),
        ("r9:0", "no run 'r9' among"),
        ("r1:3", "no latent 3 in r1: it has 3"),
    ):
        with pytest.raises(InvalidInputError, match=message):
            verdict(many, name)
    with pytest.raises(InvalidInputError, match="threshold of their study"):
        verdict(many, "family:0", threshold=0.5)


def test_a_family_and_a_latent_of_many_runs() -> None:
    many = made_stability()
    family = verdict(many, "family:2")
    assert "strict, in 2 of 3 runs; mean similarity 0.7000" in family.sentences[0]
    assert family.views["latent"].tolist() == [2, 2]
    latent = verdict(many, "r1:2")
    assert latent.views.loc[0, "family"] == 2
    assert len(latent.views.loc[0, "members"]) == 1


def test_results_of_0_1_have_verdicts_too() -> None:
    old = read_comparison(SAVED / "comparison")
    for latent in old.latents_a["latent"]:
        found = verdict(old, f"a:{latent}")
        assert found.grade in ("same", "similar", "none", "rare", "dead")
        reaching = (found.views["similarity"] >= 0.7).all()
        one_partner = found.views["partner"].nunique() == 1
        assert (found.grade == "same") == (reaching and one_partner)
    assert "in 3 of 3 runs" in verdict(read_stability(SAVED / "stability"), "family:0").sentences[0]


def test_print_and_notebook_hold_the_sentences_and_no_markup_of_names() -> None:
    found = verdict(made_comparison(), "b:0")
    assert found.sentences[0] in repr(found)
    assert "<img" not in found._repr_html_()
    assert "<table" in found._repr_html_()


def test_what_a_failed_check_voids_is_said_before_any_verdict() -> None:
    made = made_comparison()
    made.summary["checks"] = [
        {"id": "seeds", "status": "fail", "value": None, "message": "one run under two names"}
    ]
    said = verdict(made, "a:0").sentences
    assert said[0].startswith("One run under two names. What follows is not evidence")
    assert said[1].startswith("Same: a 0 is also in b")
