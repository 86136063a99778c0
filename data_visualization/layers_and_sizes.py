"""Mean max cosine over layers and sizes of the runs, both directions, each beside its null.

python -m data_visualization.layers_and_sizes analysis/results/original_study [--out STEM]

The folder is one that `python -m analysis.original_study` wrote.
"""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path

import pandas as pd

from universality import figures


def draw(folder: Path, stem: Path) -> list[Path]:
    """The files of the figure, and its numbers."""
    table = pd.read_csv(folder / "bars.csv")
    layers = table["hook"].str.extract(r"blocks\.(\d+)\.", expand=False)
    several_models = table["model"].nunique() > 1
    named = table.assign(
        layer=layers + (" of " + table["model"] if several_models else ""),
        **{"mean max cosine of decoder rows": table["value"]},
    )
    panels = {
        str(direction): partial(
            figures.grouped_bars,
            rows,
            x="layer",
            group="widths",
            y="mean max cosine of decoder rows",
            null="null_value",
        )
        for direction, rows in named.groupby("direction", sort=False)
    }
    return figures.write_panels(panels, stem, columns=len(panels))


def main() -> None:
    """Read a study's folder and write the figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--out", type=Path, default=Path("layers_and_sizes"))
    given = parser.parse_args()
    draw(given.folder, given.out)


if __name__ == "__main__":
    main()
