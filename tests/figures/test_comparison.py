"""Figures of one comparison, looked at through their artists."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tests.figures.names_on_axes import names_on
from tests.made_results import made_comparison, made_comparison_with_effects
from universality import figures
from universality.errors import InvalidInputError
from universality.results import Comparison


@pytest.fixture(scope="module")
def comparison() -> Comparison:
    return made_comparison(50)


@pytest.fixture
def ax() -> Axes:
    return Figure().subplots()


def test_every_figure_draws_on_the_axes_it_is_given(comparison: Comparison) -> None:
    drawn = figures.figures_of(comparison)
    assert set(drawn) >= {"share_against_threshold", "grades", "p_value_calibration"}
    for draw in drawn.values():
        ax = Figure().subplots()
        assert draw(ax) is ax
        assert ax.get_xlabel()
        assert ax.get_ylabel()
        assert names_on(ax) or ax.get_title(loc="left")


def test_the_curve_is_the_saved_curve_beside_its_null(comparison: Comparison, ax: Axes) -> None:
    figures.share_against_threshold(comparison, ax)
    lines = {line.get_gid() or line.get_label(): line for line in ax.get_lines()}
    curves = comparison.curves
    saved = curves[(curves["view"] == "encoder") & (curves["rule"] == "assignment")]
    for name, column in (
        ("encoder", "fraction"),
        ("null, encoder", "null_fraction"),
        ("own run a, encoder", "own_a_fraction"),
        ("own run b, encoder", "own_b_fraction"),
    ):
        x, y = lines[name].get_data()
        np.testing.assert_array_equal(x, saved["threshold"])
        np.testing.assert_array_equal(y, saved[column])
    assert lines["threshold"].get_xdata()[0] == comparison.summary["policy"]["threshold"]
    texts = names_on(ax)
    assert {"null (made), ±2 sd", "null (shuffled), ±2 sd", "latents of one run (a, b)"} <= set(
        texts
    )


def test_the_price_curve_is_the_saved_curve_beside_its_null(
    comparison: Comparison, ax: Axes
) -> None:
    figures.partners_against_price(comparison, ax)
    lines = {line.get_gid() or line.get_label(): line for line in ax.get_lines()}
    assert comparison.partial is not None
    saved = comparison.partial[comparison.partial["view"] == "encoder"]
    for name, column in (
        ("encoder", "fraction"),
        ("assignment above the price, encoder", "thresholded_fraction"),
        ("null, encoder", "null_fraction"),
    ):
        x, y = lines[name].get_data()
        np.testing.assert_array_equal(x, saved["price"])
        np.testing.assert_array_equal(y, saved[column])
    with pytest.raises(InvalidInputError, match=r"--partial\), which this result lacks"):
        figures.partners_against_price(replace(comparison, partial=None), ax)


def test_the_account_is_drawn_as_it_was_saved(comparison: Comparison, ax: Axes) -> None:
    figures.account_of_latents(comparison, ax)
    saved = comparison.summary["account"]["decoder"]["a"]
    drawn = {bars.get_label(): [bar.get_width() for bar in bars] for bars in ax.containers}
    assert drawn == {word: [count, count] for word, count in saved.items()}
    without = {k: v for k, v in comparison.summary.items() if k != "account"}
    with pytest.raises(InvalidInputError, match=r"--groups\), which this result lacks"):
        figures.account_of_latents(replace(comparison, summary=without), ax)


def test_a_result_without_floors_is_drawn_without_them(comparison: Comparison, ax: Axes) -> None:
    """Results of version 0.1 have no columns for it; of a lone latent they are empty."""
    without = comparison.curves.drop(columns="own_a_fraction").assign(own_b_fraction=np.nan)
    views = {
        view: {key: value for key, value in found.items() if key != "own_run"}
        for view, found in comparison.summary["views"].items()
    }
    bare = replace(comparison, curves=without, summary=comparison.summary | {"views": views})
    figures.share_against_threshold(bare, ax)
    figures.means_beside_null(bare, Figure().subplots())
    assert not [line for line in ax.get_lines() if str(line.get_gid()).startswith("own run")]


def test_outlines_count_every_pair_once_and_are_not_flattened_by_the_null(
    comparison: Comparison, ax: Axes
) -> None:
    figures.matched_similarity(comparison, ax)
    outlines = {step.get_gid() or step.get_label(): step for step in ax.patches}
    observed = [outlines[view].get_data().values for view in ("decoder", "encoder", "activations")]
    for heights in observed:
        assert heights.sum() == pytest.approx(1)
    assert ax.get_ylim()[1] == pytest.approx(1.3 * max(heights.max() for heights in observed))
    curves = comparison.curves.query("view == 'encoder' and rule == 'assignment'")
    own = outlines["one run, encoder"].get_data().values
    both = curves[["own_a_fraction", "own_b_fraction"]].to_numpy().mean(axis=1)
    reaching = np.interp(0.5, curves["threshold"], both)
    assert own[25:].sum() == pytest.approx(reaching)
    beyond = outlines["null, decoder"].get_data().values.max()
    assert f"null, decoder: up to {beyond:.0%}" in [text.get_text() for text in ax.texts]


def test_p_values_too_small_to_draw_are_counted(ax: Axes) -> None:
    made = made_comparison(50)
    made.latents_a.loc[:9, "p_value_decoder"] = 1e-40
    figures.p_value_calibration(made, ax)
    labels = [line.get_label() for line in ax.get_lines()]
    assert "decoder (20% below 1e-30)" in labels
    assert "encoder" in labels[1]


def test_bars_of_means_have_their_null_across(comparison: Comparison, ax: Axes) -> None:
    figures.means_beside_null(comparison, ax)
    texts = names_on(ax)
    assert "null (made; activations: shuffled)" in texts
    numbers = figures.plotted_numbers(ax)
    assert set(numbers.loc[numbers["mark"] == "bar", "y"]) == {0.5}
    assert set(numbers.loc[numbers["mark"] == "tick", "y"]) == {0.1}
    rings = {line.get_gid(): list(line.get_ydata()) for line in ax.get_lines() if line.get_gid()}
    assert rings["own run a, decoder"] == [0.3125, 0.3125, 0.1875]
    assert rings["own run b, decoder"] == [0.3125, 0.3125, 0.21875]


def test_effects_are_those_of_the_sample_and_random_pairs_are_apart(ax: Axes) -> None:
    made = made_comparison_with_effects()
    assert "effects_against_similarity" in figures.figures_of(made)
    figures.effects_against_similarity(made, ax)
    numbers = figures.plotted_numbers(ax)
    points = numbers[numbers["mark"] == "point"]
    assert points.loc[points["series"] == "matched", "y"].tolist() == [0.1, 0.5, 0.9]
    assert points.loc[points["series"] == "random", "y"].tolist() == [0.0, 0.1, -0.1, 0.05]
    assert {"pairs, mean", "random pairs, mean"} <= names_on(ax)


def test_points_are_the_saved_pairs(comparison: Comparison, ax: Axes) -> None:
    figures.decoder_against_encoder(comparison, ax)
    points = np.concatenate([np.asarray(cloud.get_offsets()) for cloud in ax.collections])
    pairs = comparison.pairs[comparison.pairs["view"] == "decoder"]
    np.testing.assert_allclose(
        np.sort(points, axis=0),
        np.sort(pairs[["similarity_decoder", "similarity_encoder"]], axis=0),
    )


def test_every_latent_has_one_grade(comparison: Comparison, ax: Axes) -> None:
    figures.grades(comparison, ax)
    widths = {box.get_label(): [bar.get_width() for bar in box] for box in ax.containers}
    names = [tick.get_text() for tick in ax.get_yticklabels()]
    assert names[:2] == ["decoder, a", "decoder, b"]
    assert names[-2:] == ["all, a", "all, b"]
    assert {sum(run) for run in zip(*widths.values(), strict=True)} == {50}
    for word, drawn in widths.items():
        assert drawn[0] == (comparison.latents_a["grade_decoder"] == word).sum()
        assert drawn[-1] == (comparison.latents_b["grade"] == word).sum()


def test_latents_that_never_fire_are_not_on_a_log_axis(comparison: Comparison, ax: Axes) -> None:
    made = made_comparison(50)
    made.latents_a.loc[:9, "frequency"] = 0.0
    figures.similarity_against_frequency(made, ax)
    assert len(ax.collections[0].get_offsets()) == 39
    assert ax.get_xscale() == "log"
