"""How often the latents of every run fire: hooks from left to right, widths from top to bottom.

python -m data_visualization.frequency_grid analysis/results/original_study [--out STEM]

The folder is one that `python -m analysis.original_study` wrote.
"""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from universality import figures


def draw(folder: Path, stem: Path) -> list[Path]:
    """The files of the figure, and its numbers."""
    table = pd.read_csv(folder / "frequencies.csv")
    rarest = table.loc[table["frequency"] > 0, "frequency"].min()
    least = 10.0 ** np.floor(np.log10(rarest))
    panels = {
        str(run): partial(
            figures.frequency_histogram, rows["frequency"], label=_label(rows), least=least
        )
        for run, rows in table.sort_values(["width", "hook"], kind="stable").groupby(
            "run", sort=False
        )
    }
    columns = max(table["hook"].nunique(), table.groupby(["width"])["run"].nunique().max())
    return figures.write_panels(panels, stem, columns=int(columns), width=6.75)


def _label(rows: pd.DataFrame) -> str:
    first = rows.iloc[0]
    return f"{first['run']}, {first['hook']}"


def main() -> None:
    """Read a study's folder and write the figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--out", type=Path, default=Path("frequency_grid"))
    given = parser.parse_args()
    draw(given.folder, given.out)


if __name__ == "__main__":
    main()
