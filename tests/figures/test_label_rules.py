"""The figure of a label shows its numbers, and nothing where there are none."""

from __future__ import annotations

import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tests.made_label import made_label
from universality.errors import InvalidInputError
from universality.figures import plotted_numbers, rules_beside_floors
from universality.results.release_label import Label


@pytest.fixture
def ax() -> Axes:
    return Figure().subplots()


def test_bars_ticks_and_marks_are_the_numbers_of_the_label(ax: Axes) -> None:
    label = made_label()
    table = plotted_numbers(rules_beside_floors(label, ax))
    rows = [*label.numbers.values()]
    drawn = dict(iter(table.groupby("series")))
    bars = drawn["the runs"]
    assert bars["high"].tolist() == [row["value"] for row in rows]
    assert drawn["chance, ±2 sd"]["x"].tolist() == [row["null_mean"] for row in rows]
    for name in ("frozen_decoder", "same_start"):
        values = [row["floors"][name] for row in rows]
        assert drawn[name.replace("_", " ")]["x"].tolist() == values


def test_the_reason_stands_above_a_void_label(ax: Axes) -> None:
    reasons = [{"check": "shared_initialisation", "message": "they began alike"}]
    void = made_label(validity={"valid": False, "reasons": reasons})
    figure = rules_beside_floors(void, ax).get_figure()
    assert isinstance(figure, Figure)
    assert "They began alike" in figure.get_suptitle()


def test_a_label_without_numbers_is_refused(ax: Axes) -> None:
    nothing = Label(made_label().content | {"rules": []})
    with pytest.raises(InvalidInputError, match="nothing to draw"):
        rules_beside_floors(nothing, ax)
