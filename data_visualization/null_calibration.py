"""Levels, false discoveries and power of the per-latent p-values, from the calibration study.

python -m data_visualization.null_calibration analysis/results/null_calibration [--out STEM]

The folder is one that `python -m analysis.null_calibration` wrote.
"""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path

import pandas as pd

from universality import figures

_WORLDS = ("isotropic", "mean and spectrum", "clusters")


def draw(folder: Path, stem: Path) -> list[Path]:
    """The files of the figure, and its numbers."""
    mixtures = pd.read_csv(folder / "mixtures.csv")
    levels = pd.read_csv(folder / "super_uniformity.csv")
    whole = levels[
        (levels["decile"] == "all") & (levels["null"] == "geometry") & levels["world"].isin(_WORLDS)
    ]
    real = mixtures[mixtures["world"] == "mean and spectrum"]
    panels = {
        "levels": partial(figures.p_value_levels, whole),
        "false discoveries": partial(
            figures.false_discoveries, mixtures[mixtures["world"] == "isotropic"]
        ),
        "power": partial(figures.power, real),
    }
    return figures.write_panels(panels, stem, columns=3, width=9.0)


def main() -> None:
    """Read a study's folder and write the figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--out", type=Path, default=Path("null_calibration"))
    given = parser.parse_args()
    draw(given.folder, given.out)


if __name__ == "__main__":
    main()
