"""Figures as files: formats, sizes, and the numbers beside them."""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
import pandas as pd
import pytest
from matplotlib.axes import Axes
from PIL import Image

from universality.errors import InvalidInputError
from universality.figures import write_figure


def draw(ax: Axes) -> Axes:
    ax.plot([0, 1, 2], [0.25, 0.5, 1 / 3], label="line")
    return ax


def test_a_table_with_exactly_the_numbers_lies_beside_every_figure(tmp_path: Path) -> None:
    files = write_figure(draw, tmp_path / "one", formats=("pdf", "png", "svg"))
    assert sorted(file.name for file in files) == ["one.csv", "one.pdf", "one.png", "one.svg"]
    numbers = pd.read_csv(tmp_path / "one.csv")
    assert numbers["y"].tolist() == [0.25, 0.5, 1 / 3]
    assert set(numbers["series"]) == {"line"}


def test_text_in_vector_files_stays_text(tmp_path: Path) -> None:
    def labelled(ax: Axes) -> Axes:
        return draw(ax) if ax.set_xlabel("threshold") else ax

    write_figure(labelled, tmp_path / "one", formats=("svg",))
    assert ">threshold</text>" in (tmp_path / "one.svg").read_text()


def test_the_width_is_what_was_asked_for(tmp_path: Path) -> None:
    for style, width, expected in (("paper", None, 3.25), ("talk", None, 8), ("paper", 5.0, 5)):
        write_figure(draw, tmp_path / "one", style=style, formats=("png",), width=width)
        with Image.open(tmp_path / "one.png") as image:
            inches = image.width / image.info["dpi"][0]
        assert inches == pytest.approx(expected, rel=0.01)


def test_equal_drawings_give_equal_bytes_and_leave_no_settings_behind(tmp_path: Path) -> None:
    before = mpl.rcParams["font.size"]
    for name in ("one", "two"):
        write_figure(draw, tmp_path / name, formats=("pdf", "svg", "png"))
    for suffix in (".pdf", ".svg", ".png"):
        one, two = (tmp_path / f"{name}{suffix}" for name in ("one", "two"))
        assert one.read_bytes() == two.read_bytes()
    assert mpl.rcParams["font.size"] == before


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"style": "poster"}, r"--style\) must be one of 'paper', 'talk', got 'poster'"),
        ({"formats": ("gif",)}, r"--format\) must be one of 'pdf', 'png', 'svg', .*'gif'"),
        ({"width": 0.1}, r"--width\) must be a number of inches in \[1, 40\] or None, got 0.1"),
    ],
)
def test_bad_options_say_what_to_change(
    tmp_path: Path, options: dict[str, object], message: str
) -> None:
    with pytest.raises(InvalidInputError, match=message):
        write_figure(draw, tmp_path / "one", **options)
