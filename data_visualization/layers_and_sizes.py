"""Mean max cosine over layers and sizes of the runs, both directions, each beside its null.

python -m data_visualization.layers_and_sizes analysis/results/original_study [--out STEM]

The folder is one that `python -m analysis.original_study` wrote.
"""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes

from universality import figures

_Y = "mean max cosine of decoder rows"


def draw(folder: Path, stem: Path) -> list[Path]:
    """The files of the figure, and its numbers."""
    table = pd.read_csv(folder / "bars.csv")
    layers = table["hook"].str.extract(r"blocks\.(\d+)\.", expand=False)
    several_models = table["model"].nunique() > 1
    named = table.assign(
        layer=layers + (" of " + table["model"] if several_models else ""), **{_Y: table["value"]}
    )
    panels = {
        str(direction): partial(_draw, rows, direction=str(direction))
        for direction, rows in named.groupby("direction", sort=False)
    }
    return figures.write_panels(panels, stem, columns=len(panels))


def _draw(table: pd.DataFrame, ax: Axes, *, direction: str) -> Axes:
    figures.grouped_bars(table, ax, x="layer", group="widths", y=_Y, null="null_value")
    ax.set_ylim(0, 1)
    ax.set_xlabel(f"layer ({direction})")
    return ax


def main() -> None:
    """Read a study's folder and write the figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--out", type=Path, default=Path("layers_and_sizes"))
    given = parser.parse_args()
    draw(given.folder, given.out)


if __name__ == "__main__":
    main()
