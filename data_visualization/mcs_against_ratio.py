"""Mean max cosine against the ratio of widths, in both directions, each beside its null.

python -m data_visualization.mcs_against_ratio analysis/results/original_study [--out STEM]

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
    table = pd.read_csv(folder / "ratios.csv")
    name = "mean max cosine of decoder rows"
    return figures.write_figure(partial(figures.similarity_against_ratio, table, name=name), stem)


def main() -> None:
    """Read a study's folder and write the figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--out", type=Path, default=Path("mcs_against_ratio"))
    given = parser.parse_args()
    draw(given.folder, given.out)


if __name__ == "__main__":
    main()
