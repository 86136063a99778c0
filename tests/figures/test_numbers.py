"""What is read back from a figure is what was drawn."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from universality.figures import plotted_numbers


@pytest.fixture
def ax() -> Axes:
    return Figure().subplots()


def test_lines_and_points(ax: Axes) -> None:
    x, y = np.random.default_rng(0).normal(size=(2, 20))
    ax.plot(x, y, label="line")
    ax.scatter(y, x, label="points")
    numbers = plotted_numbers(ax).set_index("series")
    np.testing.assert_array_equal(numbers.loc["line", ["x", "y"]], np.stack([x, y], axis=1))
    np.testing.assert_array_equal(numbers.loc["points", ["x", "y"]], np.stack([y, x], axis=1))


def test_bars_of_either_direction(ax: Axes) -> None:
    ax.bar([1, 2], [3, 4], 0.5, label="up")
    ax.barh(["a", "b"], [5, 6], left=[1, 1], label="across")
    numbers = plotted_numbers(ax).set_index("series")
    assert numbers.loc["up", "value"].tolist() == [3, 4]
    assert numbers.loc["up", "x"].tolist() == [1, 2]
    assert (numbers.loc["across", "high"] - numbers.loc["across", "low"]).tolist() == [5, 6]


def test_bands_steps_and_cells(ax: Axes) -> None:
    x, low, high = np.arange(5.0), np.arange(5.0), np.arange(5.0) + 2
    ax.fill_between(x, low, high, label="band")
    ax.stairs([1, 2], [0, 1, 3], label="steps")
    ax.pcolormesh([[1.0, np.nan], [3.0, 4.0]]).set_gid("cells")
    numbers = plotted_numbers(ax).set_index("series")
    band = numbers.loc["band", ["x", "low", "high"]].to_numpy(dtype=float)
    np.testing.assert_array_equal(band, np.stack([x, low, high], axis=1))
    assert numbers.loc["steps", "y"].tolist() == [1, 2]
    assert numbers.loc["steps", "high"].tolist() == [1, 3]
    np.testing.assert_array_equal(numbers.loc["cells", "value"], [1, np.nan, 3, 4])


def test_empty_legend_handles_leave_no_row(ax: Axes) -> None:
    ax.plot([], [], label="null")
    assert plotted_numbers(ax).empty
