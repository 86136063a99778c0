"""Figures of many runs, looked at through their artists."""

from __future__ import annotations

import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tests.made_results import made_stability
from universality import figures


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


def test_the_matrix_holds_every_pair_twice(ax: Axes) -> None:
    figures.pair_matrix(made_stability(), ax)
    assert sorted(text.get_text() for text in ax.texts) == sorted([".50", ".40", ".30"] * 2)


def test_the_figures_of_many_runs_are_found_by_their_result() -> None:
    assert set(figures.figures_of(made_stability())) == {"spectrum", "only_in_one", "pair_matrix"}
