"""How often latents fire: layers from left to right, widths from top to bottom, seeds together.

python -m data_visualization.frequency_grid analysis/results/original_study [--out STEM]

The folder is one that `python -m analysis.original_study` wrote. Of a single layer, widths go from
left to right.
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
    table["layer"] = table["hook"].str.extract(r"blocks\.(\d+)\.", expand=False).astype(int)
    rarest = table.loc[table["frequency"] > 0, "frequency"].min()
    least = 10.0 ** np.floor(np.log10(rarest))
    panels = {
        f"layer {layer}, {width:,} latents": partial(
            figures.frequency_histogram,
            rows["frequency"],
            label=f"layer {layer}, {rows['run'].nunique()} x {width:,}",
            least=least,
        )
        for (width, layer), rows in table.groupby(["width", "layer"])
    }
    n_layers = table["layer"].nunique()
    columns = n_layers if n_layers > 1 else table["width"].nunique()
    return figures.write_panels(panels, stem, columns=columns, width=6.75)


def main() -> None:
    """Read a study's folder and write the figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--out", type=Path, default=Path("frequency_grid"))
    given = parser.parse_args()
    draw(given.folder, given.out)


if __name__ == "__main__":
    main()
