"""Several drawings in one figure."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes

from universality.figures import write_panels


def line(height: float):  # type: ignore[no-untyped-def]
    def draw(ax: Axes) -> Axes:
        ax.plot([0, 1], [height, height], label="line")
        return ax

    return draw


def test_the_numbers_say_which_panel_they_are_in(tmp_path: Path) -> None:
    draws = {"first": line(0.25), "second": line(0.5), "third": line(1 / 3)}
    stem = tmp_path / "panels.of.three"
    files = write_panels(draws, stem, columns=2, formats=("svg",))
    assert [file.name for file in files] == ["panels.of.three.svg", "panels.of.three.csv"]
    numbers = pd.read_csv(files[1])
    assert numbers.groupby("panel", sort=False)["y"].first().to_dict() == {
        "first": 0.25,
        "second": 0.5,
        "third": 1 / 3,
    }
    written = files[0].read_text()
    assert [f">{letter}</text>" in written for letter in "abcd"] == [True, True, True, False]
