"""Comparing two runs: what must come out when the truth was planted."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.made_runs import make_run, unit_rows
from universality.comparison import Policy, compare
from universality.dictionary import Dictionary
from universality.errors import InvalidInputError
from universality.results import Comparison

QUICK = Policy(nulls=("isotropic",), n_draws=2)


def assert_identical_everywhere(comparison: Comparison) -> None:
    for found in comparison.summary["views"].values():
        assert found["greedy"]["a_to_b"]["mean"] == pytest.approx(1, abs=1e-6)
        assert found["greedy"]["b_to_a"]["mean"] == pytest.approx(1, abs=1e-6)
        assert found["assignment"]["mean"] == pytest.approx(1, abs=1e-6)
        assert found["assignment"]["certified"]
        assert found["mutual"] == {"fraction_a": 1.0, "fraction_b": 1.0}
    assert comparison.summary["agreement"]["decoder_encoder"]["value"] == 1.0
    assert all(
        row["decoder_and_encoder"]["value"] == 1.0
        for row in comparison.summary["shared"]
        if row["threshold"] <= 0.99
    )


def test_a_run_against_itself_is_the_same_everywhere() -> None:
    run = make_run(unit_rows(80, 16, seed=0), unit_rows(80, 16, seed=1))
    comparison = compare(run, run, QUICK)
    assert_identical_everywhere(comparison)
    assert comparison.latents_a["partner_decoder"].tolist() == list(range(80))


def test_a_permuted_rescaled_copy_is_recovered() -> None:
    generator = torch.Generator().manual_seed(5)
    decoder, encoder = unit_rows(80, 16, seed=0), unit_rows(80, 16, seed=1)
    order = torch.randperm(80, generator=generator)
    scale = torch.rand(80, 1, generator=generator) + 0.1
    comparison = compare(
        make_run(decoder, encoder), make_run((scale * decoder)[order], encoder[order]), QUICK
    )
    assert_identical_everywhere(comparison)
    expected = np.empty(80, dtype=int)
    expected[order.numpy()] = np.arange(80)
    for view in ("decoder", "encoder"):
        assert comparison.latents_a[f"partner_{view}"].tolist() == expected.tolist()


def test_two_isotropic_runs_lie_on_the_null() -> None:
    a, b = (make_run(unit_rows(300, 32, seed=s), unit_rows(300, 32, seed=s + 9)) for s in (1, 2))
    comparison = compare(a, b, Policy(nulls=("isotropic",), n_draws=12))
    for found in comparison.summary["views"].values():
        for statistic in (*found["greedy"].values(), found["assignment"]):
            assert abs(statistic["mean"] - statistic["null_mean"]) < 4 * statistic["null_sd"]


def test_half_shared_runs_share_half() -> None:
    rows = unit_rows(200, 64, seed=0)
    other = torch.cat([rows[:100], unit_rows(100, 64, seed=1)])
    row = next(
        row
        for row in compare(make_run(rows), make_run(other), QUICK).summary["shared"]
        if row["threshold"] == 0.7
    )
    assert row["decoder"] == {
        "value": 0.5,
        "null": 0.0,
        "nulls": {"isotropic": 0.0},
        "own_run": {"a": 0.0, "b": 0.0},
    }


def test_filters_leave_out_siblings_and_look_at_the_own_run() -> None:
    """Of half-shared runs the shared half is called, by both filters, and it alone."""
    shared = unit_rows(100, 64, seed=0)
    a, b = (make_run(torch.cat([shared, unit_rows(100, 64, seed=k)]), name=f"{k}") for k in (1, 2))
    comparison = compare(a, b, Policy(nulls=("geometry",), n_draws=2))
    for latents, others in (
        (comparison.latents_a, comparison.latents_b),
        (comparison.latents_b, comparison.latents_a),
    ):
        back = others["nearest_decoder"].to_numpy()[latents["nearest_decoder"]]
        mutual = latents["mutual_decoder"].to_numpy()
        np.testing.assert_array_equal(mutual, back == latents["latent"])
        assert not (latents["above_chance_decoder"] & ~latents["mutual_decoder"]).any()
        margin = latents["nearest_similarity_decoder"] - latents["own_nearest_similarity_decoder"]
        assert (latents["own_margin_decoder"] - margin).abs().median() < 1e-6
        for flag in ("above_chance_decoder", "beyond_own_decoder"):
            assert latents[flag][:100].mean() > 0.95
            assert latents[flag][100:].mean() < 0.15
    shares = comparison.summary["views"]["decoder"]["latents"]["a"]
    assert shares["nearer_than_own"] == comparison.latents_a["nearer_than_own_decoder"].mean()
    assert shares["nearer_than_own"] == pytest.approx(0.75, abs=0.08)


def test_swapping_the_runs_swaps_the_answer() -> None:
    a, b = (make_run(unit_rows(n, 16, seed=n), unit_rows(n, 16, seed=n + 1)) for n in (50, 70))
    there, back = (compare(*pair, QUICK).summary["views"]["decoder"] for pair in ((a, b), (b, a)))
    assert there["greedy"]["a_to_b"]["mean"] == pytest.approx(back["greedy"]["b_to_a"]["mean"])
    assert there["assignment"]["total"] == pytest.approx(back["assignment"]["total"], abs=1e-9)
    assert there["mutual"]["fraction_a"] == back["mutual"]["fraction_b"]


def test_sign_flipped_runs_agree_only_when_signs_are_ignored() -> None:
    rows = unit_rows(60, 32, seed=0)
    signed, absolute = (
        compare(
            make_run(rows), make_run(-rows), Policy(nulls=("isotropic",), n_draws=2, absolute=flag)
        ).summary["views"]["decoder"]["assignment"]["mean"]
        for flag in (False, True)
    )
    assert signed < 0.6
    assert absolute == pytest.approx(1, abs=1e-6)


def test_zero_and_dead_latents_take_no_part_and_keep_their_numbers() -> None:
    rows = unit_rows(40, 16, seed=0)
    frequency = torch.full((40,), 0.1)
    frequency[7] = 0
    with_zero = rows.clone()
    with_zero[3] = 0
    comparison = compare(
        make_run(with_zero, rows, frequency=frequency),
        make_run(rows, frequency=torch.full((40,), 0.1)),
        QUICK,
    )
    summary, latents = comparison.summary, comparison.latents_a
    assert (summary["a"]["n_alive"], summary["a"]["n_zero_rows"]) == (38, 1)
    assert latents.loc[[3, 7], "partner_decoder"].tolist() == [-1, -1]
    assert latents.loc[[3, 7], "nearest_similarity_decoder"].isna().all()
    living = latents[latents["alive"]]
    assert (living["partner_decoder"] == living["latent"]).all()
    assert len(comparison.pairs[comparison.pairs["view"] == "decoder"]) == 38


def test_curves_hold_the_counts_behind_the_fractions() -> None:
    a, b = (make_run(unit_rows(n, 16, seed=n)) for n in (50, 70))
    comparison = compare(a, b, QUICK)
    curves = comparison.curves
    np.testing.assert_allclose(curves["count"] / curves["denominator"], curves["fraction"])
    sizes = curves[curves["view"] == "decoder"].groupby("rule")["denominator"].first()
    assert sizes.to_dict() == {"assignment": 50, "greedy_ab": 50, "greedy_ba": 70}
    similarity = comparison.latents_b["nearest_similarity_decoder"]
    at_half = curves.query("view == 'decoder' and rule == 'greedy_ba' and threshold == 0.5")
    assert at_half["count"].item() == (similarity >= 0.5).sum()


def test_a_bare_decoder_gives_the_decoder_view_alone() -> None:
    rows = unit_rows(30, 16, seed=0)
    summary = compare(Dictionary(W_dec=rows), make_run(rows), QUICK).summary
    assert list(summary["views"]) == ["decoder"]
    assert summary["agreement"] == {}


def test_the_matrix_holds_every_cosine_and_nan_for_those_that_take_no_part() -> None:
    a, b = unit_rows(20, 8, seed=0), unit_rows(30, 8, seed=1)
    with_zero = a.clone()
    with_zero[4] = 0
    policy = Policy(nulls=("isotropic",), n_draws=2, matrix=True)
    matrix = compare(make_run(with_zero, a), make_run(b), policy).matrices["decoder"]
    np.testing.assert_allclose(
        np.delete(matrix, 4, axis=0), np.delete((a @ b.T).numpy(), 4, axis=0), atol=1e-6
    )
    assert np.isnan(matrix[4]).all()


def test_a_matrix_that_does_not_fit_is_refused() -> None:
    wide = make_run(torch.ones(1, 2).expand(40_000, 2))
    with pytest.raises(InvalidInputError, match=r"--matrix would need 6.0 GiB"):
        compare(wide, wide, Policy(matrix=True))


def test_one_latent_a_side_is_enough() -> None:
    comparison = compare(
        make_run(unit_rows(1, 8, seed=0)), make_run(unit_rows(1, 8, seed=1)), QUICK
    )
    assert comparison.summary["views"]["decoder"]["assignment"]["n_pairs"] == 1


def test_runs_of_different_width_cannot_be_compared_by_direction() -> None:
    with pytest.raises(InvalidInputError, match="width 8 in planted and 16 in planted"):
        compare(make_run(unit_rows(5, 8, seed=0)), make_run(unit_rows(5, 16, seed=0)), QUICK)


def test_a_view_that_a_run_lacks_is_named() -> None:
    rows = unit_rows(5, 8, seed=0)
    with pytest.raises(InvalidInputError, match="--view encoder: in memory has no such view"):
        compare(Dictionary(W_dec=rows), make_run(rows), Policy(views=("encoder",)))


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        ({"threshold": 1.5}, r"--threshold\) must be a number in \[0, 1\]"),
        ({"nulls": ()}, r"--null\) must be one of"),
        ({"nulls": ("perfect",)}, "'haar', .*got .'perfect'"),
        ({"n_draws": 1}, r"--draws\) must be a whole number of at least 2"),
        ({"alive": "maybe"}, r"--alive\) must be one of"),
    ],
)
def test_a_policy_that_makes_no_sense_is_refused(choice: dict, message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        Policy(**choice)
