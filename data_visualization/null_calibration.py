"""Power and false discoveries of the per-latent p-values, from the calibration study.

python -m data_visualization.null_calibration analysis/results/null_calibration
"""

from __future__ import annotations

import argparse
from pathlib import Path

import matplotlib
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from universality.figures.style import SERIES

_WORLDS = ("isotropic", "mean and spectrum", "clusters")


def draw_power(mixtures: pd.DataFrame, ax: Axes) -> Axes:
    """Share of planted latents found, against their cosine; one line per planted fraction."""
    for world, style in (("isotropic", "--"), ("mean and spectrum", "-")):
        by_fraction = mixtures[mixtures["world"] == world].groupby("fraction")
        for colour, (fraction, cell) in zip(SERIES, by_fraction, strict=False):
            label = f"{fraction:.0%} shared" if style == "-" else None
            ax.plot(cell["cosine"], cell["power"], style, color=colour, label=label)
    ax.set(xlabel="planted cosine", ylabel="share found above chance", ylim=(-0.02, 1.02))
    ax.legend(frameon=False, title="solid: mean and spectrum\ndashed: isotropic")
    return ax


def draw_false_discoveries(mixtures: pd.DataFrame, ax: Axes) -> Axes:
    """False discovery proportion over its bound, against the planted cosine."""
    for colour, (fraction, cell) in zip(
        SERIES, mixtures[mixtures["world"] == "isotropic"].groupby("fraction"), strict=False
    ):
        seen = cell[cell["power"] > 0.5]
        ax.errorbar(
            seen["cosine"],
            seen["false_discovery_proportion"] / seen["bound"],
            2 * seen["standard_error"] / seen["bound"],
            fmt="o",
            markersize=3,
            color=colour,
            label=f"{fraction:.0%} shared",
        )
    ax.axhline(1, color="#777777", linewidth=0.8)
    ax.set(xlabel="planted cosine", ylabel="false discoveries / bound", ylim=(0, 1.6))
    return ax


def draw_levels(super_uniformity: pd.DataFrame, ax: Axes) -> Axes:
    """Share of null p-values at most each level, against the level."""
    whole = super_uniformity[
        (super_uniformity["decile"] == "all") & (super_uniformity["null"] == "geometry")
    ]
    for colour, world in zip(SERIES, _WORLDS, strict=False):
        cell = whole[whole["world"] == world]
        ax.plot(cell["level"], cell["share"], "o-", markersize=3, color=colour, label=world)
    ax.plot([1e-3, 0.1], [1e-3, 0.1], color="#777777", linewidth=0.8)
    ax.set(xscale="log", yscale="log", xlabel="level", ylabel="share of p-values below")
    ax.legend(frameon=False)
    return ax


def main() -> None:
    """Read a study's folder and write the figure beside its tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    matplotlib.rcParams["pdf.fonttype"] = 42
    figure = Figure(figsize=(9, 2.8), layout="constrained")
    axes = figure.subplots(1, 3)
    mixtures = pd.read_csv(folder / "mixtures.csv")
    draw_levels(pd.read_csv(folder / "super_uniformity.csv"), axes[0])
    draw_false_discoveries(mixtures, axes[1])
    draw_power(mixtures, axes[2])
    for suffix in ("pdf", "png"):
        figure.savefig(folder / f"null_calibration.{suffix}", dpi=160)


if __name__ == "__main__":
    main()
