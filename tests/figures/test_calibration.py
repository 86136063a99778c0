"""Figures of calibration tables, looked at through their artists."""

from __future__ import annotations

import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from universality import figures

MIXTURES = pd.DataFrame(
    {
        "fraction": [0.1, 0.1, 0.9, 0.9],
        "cosine": [0.4, 0.6, 0.4, 0.6],
        "power": [0.1, 0.8, 0.6, 1.0],
        "false_discovery_proportion": [0.5, 0.03, 0.002, 0.005],
        "standard_error": [0.1, 0.01, 0.001, 0.001],
        "bound": [0.045, 0.045, 0.005, 0.005],
    }
)


@pytest.fixture
def ax() -> Axes:
    return Figure().subplots()


def lines(ax: Axes) -> dict[str, list[list[float]]]:
    return {str(line.get_label()): line.get_xydata().tolist() for line in ax.get_lines()}


def test_power_is_that_of_the_table(ax: Axes) -> None:
    figures.power(MIXTURES, ax)
    drawn = lines(ax)
    assert drawn["10% shared"] == [[0.4, 0.1], [0.6, 0.8]]
    assert drawn["90% shared"] == [[0.4, 0.6], [0.6, 1.0]]
    assert drawn["null, at most 5%"][0][1] == 0.05


def test_false_discoveries_are_over_their_bound_where_power_is(ax: Axes) -> None:
    figures.false_discoveries(MIXTURES, ax)
    drawn = lines(ax)
    assert drawn["10% shared"] == [[0.6, pytest.approx(0.03 / 0.045)]]
    assert drawn["90% shared"] == [[0.4, pytest.approx(0.4)], [0.6, pytest.approx(1)]]
    assert drawn["bound"][0][1] == 1


def test_levels_are_drawn_beside_the_uniform_line(ax: Axes) -> None:
    table = pd.DataFrame({"world": ["x", "x"], "level": [0.01, 0.1], "share": [0.02, 0.05]})
    figures.p_value_levels(table, ax)
    drawn = lines(ax)
    assert drawn["x"] == [[0.01, 0.02], [0.1, 0.05]]
    assert drawn["uniform"] == [[0.01, 0.01], [0.1, 0.1]]
