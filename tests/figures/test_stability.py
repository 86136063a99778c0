"""Figures of many runs, looked at through their artists."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from tests.made_results import made_comparison, made_ladder, made_stability
from universality import figures
from universality.errors import InvalidInputError


@pytest.fixture
def ax() -> Axes:
    return Figure().subplots()


def test_the_spectrum_is_the_saved_one(ax: Axes) -> None:
    figures.spectrum(made_stability(), ax)
    numbers = figures.plotted_numbers(ax)
    bars = numbers[numbers["mark"] == "bar"]
    assert bars["x"].tolist() == [1, 2, 3]
    assert bars["value"].tolist() == pytest.approx([0, 1 / 3, 2 / 3])


def test_only_in_one_is_drawn_against_the_number_of_runs(ax: Axes) -> None:
    figures.only_in_one(made_stability(), ax)
    line = next(line for line in ax.get_lines() if line.get_label() == "decoder")
    assert line.get_xydata().tolist() == [[2, 0.2], [3, 0.1]]
    assert [text.get_text() for text in ax.texts] == ["decoder"]  # beside its line


def test_the_matrix_holds_every_pair_twice(ax: Axes) -> None:
    figures.pair_matrix(made_stability(), ax)
    assert sorted(text.get_text() for text in ax.texts) == sorted([".50", ".40", ".30"] * 2)


def test_every_view_has_its_own_matrix(ax: Axes) -> None:
    made = made_stability()
    fires = made.pairs.assign(view="activations", mean=made.pairs["mean"] / 2)
    null = {"activations": {"mean": {"mean": 0.2, "null": 0.0625}}}
    both = replace(
        made,
        pairs=pd.concat([made.pairs, fires], ignore_index=True),
        summary=made.summary | {"over_pairs": null},
    )
    figures.figures_of(both)["pair_matrix_activations"](ax)
    assert ax.get_title(loc="left") == "null of the equally wide runs: 0.06"
    assert sorted(text.get_text() for text in ax.texts) == sorted([".25", ".20", ".15"] * 2)
    assert ax.collections[0].get_gid() == "mean correlation of activations"
    assert ax.collections[0].get_clim()[0] == 0.0625  # colours begin at the null
    assert ax.get_xlabel() == "runs in the order of their likeness"


def test_the_figures_of_many_runs_are_found_by_their_result() -> None:
    names = {"spectrum", "only_in_one", "pair_matrix", "stability_against_frequency"}
    names |= {"reappearance_reliability", "coverage_against_runs"}
    assert set(figures.figures_of(made_stability())) == names
    assert set(figures.figures_of(made_ladder())) == names | {"width_ladder", "width_flow"}


def test_stability_against_frequency_is_the_saved_one_beside_its_null(ax: Axes) -> None:
    figures.stability_against_frequency(made_stability(), ax)
    numbers = figures.plotted_numbers(ax).set_index("series")
    assert numbers.loc["decoder", "x"].tolist() == [0.001, 0.01]
    assert numbers.loc["decoder", "y"].tolist() == [0.25, 0.75]
    assert numbers.loc["null, decoder", "y"].tolist() == [0.05, 0.05]


def test_seeds_agree_more_with_training_where_the_saved_grid_says_so(ax: Axes) -> None:
    cells = [
        {"d_sae": width, "step": step, "views": {"decoder": {"mean": step * width / 1e4}}}
        for width in (8, 16)
        for step in (200, 100)
    ]
    cells.append({"d_sae": 8, "step": 300, "views": {}})  # one seed: no pair
    made = made_stability()
    made = replace(made, summary=made.summary | {"grid": cells})
    assert "consistency_over_steps" in figures.figures_of(made)
    figures.consistency_over_steps(made, ax)
    lines = {line.get_label(): line.get_xydata().tolist() for line in ax.get_lines()}
    assert lines["decoder, 8 latents"] == [[100, 0.08], [200, 0.16]]
    assert lines["decoder, 16 latents"] == [[100, 0.16], [200, 0.32]]


def test_the_ladder_shows_both_directions_each_with_its_null(ax: Axes) -> None:
    figures.width_ladder(made_ladder(), ax)
    means = figures.plotted_numbers(ax).groupby("series")["y"].first()
    assert means["narrow to wide"] == 0.6
    assert means["wide to narrow"] == 0.5
    assert means["null, narrow to wide"] == 0.2
    assert means["null, wide to narrow"] == 0.1
    assert [text.get_text() for text in ax.get_xticklabels()] == ["3 to 6", "6 to 12"]


def test_every_ribbon_of_the_flow_keeps_its_thickness_and_ends_inside_its_bars(ax: Axes) -> None:
    figures.width_flow(made_ladder(), ax)
    ribbons = [one for one in ax.collections if one.get_gid()]
    assert {one.get_gid() for one in ribbons} >= {"same to same: 2", "nothing to none: 6"}
    assert not any("to nothing" in one.get_gid() for one in ribbons)
    written = [text.get_text() for text in ax.texts]
    assert {"wide: 6 latents", "wide: 12 latents", "1 narrow latents are found in none"} <= set(
        written
    )
    bars = [box for box in ax.patches if isinstance(box, Rectangle)]
    shares = {"same to same: 2": 2 / 6, "same to same: 6": 6 / 12}
    for ribbon in ribbons:
        corners = ribbon.get_paths()[0].vertices
        for x in (corners[:, 0].min(), corners[:, 0].max()):
            ends = corners[np.isclose(corners[:, 0], x), 1]
            thick = ends.max() - ends.min()
            assert thick == pytest.approx(shares.get(ribbon.get_gid(), thick))
            inside = [bar for bar in bars if _covers(bar, ends)]
            assert len(inside) >= 1
    heights = sorted(bar.get_height() for bar in bars)
    assert sum(heights) == pytest.approx(4)  # two sides of two steps, each a whole


def _covers(bar: Rectangle, ends: np.ndarray) -> bool:
    low, high = bar.get_y() - 1e-9, bar.get_y() + bar.get_height() + 1e-9
    return bool((ends >= low).all() and (ends <= high).all())


def test_what_a_result_lacks_is_said() -> None:
    many = made_stability()
    without = replace(many, summary=many.summary | {"stability_by": {}, "grid": []}, widths=None)
    for draw in (
        figures.width_ladder,
        figures.width_flow,
        figures.stability_against_norm,
        figures.stability_against_frequency,
        figures.consistency_over_steps,
    ):
        with pytest.raises(InvalidInputError, match=f"{draw.__name__} needs .* this result lacks"):
            draw(without, Figure().subplots())
    views = {"encoder": made_comparison().summary["views"]["encoder"]}
    one = replace(made_comparison(), summary=made_comparison().summary | {"views": views})
    with pytest.raises(InvalidInputError, match="needs the views decoder and encoder"):
        figures.decoder_against_encoder(one, Figure().subplots())
