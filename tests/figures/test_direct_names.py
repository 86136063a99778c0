"""Names beside lines touch nothing and are nearest to their own; others are in a legend."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tests.figures.names_on_axes import names_on
from universality.figures.direct_names import name_bars, name_lines


@pytest.fixture
def ax() -> Axes:
    return Figure(figsize=(3.25, 2.6)).subplots()


def boxes(ax: Axes) -> dict[str, np.ndarray]:
    """Left, bottom, right, top in pixels, as the letters are drawn."""
    ax.figure.draw_without_rendering()
    return {text.get_text(): text.get_window_extent().extents for text in ax.texts}


def pixels(ax: Axes, name: str) -> np.ndarray:
    line = next(line for line in ax.get_lines() if line.get_label() == name)
    x, y = line.get_data()
    fine = np.linspace(x[0], x[-1], 500)
    return ax.transData.transform(np.stack([fine, np.interp(fine, x, y)], axis=1))


def distance(box: np.ndarray, points: np.ndarray) -> float:
    left, low, right, top = box
    x = np.maximum(np.maximum(left - points[:, 0], points[:, 0] - right), 0)
    y = np.maximum(np.maximum(low - points[:, 1], points[:, 1] - top), 0)
    return float(np.hypot(x, y).min())


def test_names_touch_no_line_and_no_name_and_are_nearest_to_their_own(ax: Axes) -> None:
    x = np.linspace(0, 1, 40)
    for power in (0.3, 1, 3):
        ax.plot(x, x**power, label=f"to the {power}")
    ax.set(xlim=(0, 1), ylim=(0, 1))
    name_lines(ax)
    assert ax.get_legend() is None
    placed = boxes(ax)
    assert set(placed) == {"to the 0.3", "to the 1", "to the 3"}
    frame = ax.get_window_extent().extents
    lines = {name: pixels(ax, name) for name in placed}
    for name, box in placed.items():
        assert (box[:2] >= frame[:2]).all()
        assert (box[2:] <= frame[2:]).all()
        away = {other: distance(box, points) for other, points in lines.items()}
        assert min(away, key=lambda one: away[one]) == name
        assert all(value > 0 for value in away.values())
        for other, second in placed.items():
            apart = (box[2:] <= second[:2]).any() or (second[2:] <= box[:2]).any()
            assert other == name or apart


def test_lines_that_lie_upon_each_other_go_to_a_legend(ax: Axes) -> None:
    for name in ("one", "other"):
        ax.plot([0, 1], [0, 1], label=name)
    name_lines(ax)
    assert {text.get_text() for text in ax.get_legend().get_texts()} == {"one", "other"}
    assert not ax.texts


def test_a_crowd_of_lines_keeps_its_legend(ax: Axes) -> None:
    generator = np.random.default_rng(0)
    names = {f"a rather long name {k}" for k in range(14)}
    for name in sorted(names):
        ax.plot(np.linspace(0, 1, 60), generator.random(60), label=name)
    name_lines(ax)
    assert names_on(ax) == names
    assert ax.get_legend() is not None


def test_lines_of_one_label_have_one_name_in_grey_where_colours_differ(ax: Axes) -> None:
    for height, colour in ((0.2, "#0072B2"), (0.8, "#D55E00")):
        ax.plot([0, 1], [height, height], "--", color=colour, label="null")
    ax.set_ylim(0, 1)
    name_lines(ax)
    assert [text.get_text() for text in ax.texts] == ["null"]
    assert ax.texts[0].get_color() == "#777777"


def test_bars_have_their_names_above_one_group(ax: Axes) -> None:
    for place, (name, heights) in enumerate((("decoder", (0.9, 0.2)), ("both", (0.8, 0.1)))):
        ax.bar(np.arange(2) + 0.4 * (place - 0.5), heights, 0.38, label=name)
    ax.set_ylim(0, 1)
    name_bars(ax)
    assert ax.get_legend() is None
    for name, height in (("decoder", 0.2), ("both", 0.1)):
        box = ax.transData.inverted().transform(boxes(ax)[name].reshape(2, 2))
        assert box[0, 1] > height
        assert 0.5 < box[:, 0].mean() < 1.5  # above the lower group


def test_bars_too_narrow_for_a_name_keep_their_legend(ax: Axes) -> None:
    for place in range(2):
        ax.bar(np.arange(60) + 0.4 * place, np.full(60, 0.5), 0.38, label=f"series {place}")
    name_bars(ax)
    assert {text.get_text() for text in ax.get_legend().get_texts()} == {"series 0", "series 1"}
