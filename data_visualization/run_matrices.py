"""How alike every two runs are, by the cosine of their rows and by correlation of activations.

python -m data_visualization.run_matrices analysis/results/original_study [--out STEM]

The folder is one that `python -m analysis.original_study` wrote.
"""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from universality import figures

_VIEWS = {
    "decoder": "mean cosine of decoder rows",
    "activations": "mean correlation of activations",
}


def draw(folder: Path, stem: Path) -> list[Path]:
    """The files of the figure, and its numbers."""
    pairs = pd.read_csv(folder / "pairs.csv")
    panels = {
        view: partial(_draw, pairs[pairs["view"] == view], name=name)
        for view, name in _VIEWS.items()
    }
    return figures.write_panels(panels, stem, columns=2)


def _draw(pairs: pd.DataFrame, ax: Axes, *, name: str) -> Axes:
    null = pairs["null_of_equal_widths"].iloc[0]
    ax.set_title(f"null of the equally wide runs: {null:.2f}", loc="left")
    return figures.run_matrix(_matrix(pairs), ax, name=name)


def _matrix(pairs: pd.DataFrame) -> pd.DataFrame:
    runs = list(dict.fromkeys([*pairs["a"], *pairs["b"]]))
    matrix = pd.DataFrame(np.nan, index=runs, columns=runs)
    for a, b, value in pairs[["a", "b", "mean"]].itertuples(index=False):
        matrix.loc[a, b] = matrix.loc[b, a] = value
    return matrix


def main() -> None:
    """Read a study's folder and write the figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--out", type=Path, default=Path("run_matrices"))
    given = parser.parse_args()
    draw(given.folder, given.out)


if __name__ == "__main__":
    main()
