"""The headline figure of two runs: how much is shared, in which view, and how often it fires.

python -m data_visualization.two_seeds RESULT [--out FILE]

RESULT is a folder that `universality compare A B --activations DIR --out RESULT` wrote.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure

from universality import figures
from universality.figures.style import STYLES
from universality.results import Comparison, read_comparison


def draw(comparison: Comparison) -> Figure:
    """Four panels of one comparison in the width of a page."""
    drawn = figures.figures_of(comparison)
    wanted = ("share_against_threshold", "means_beside_null", "decoder_against_encoder")
    last = next(
        name for name in ("similarity_against_frequency", "matched_similarity") if name in drawn
    )
    panels = [drawn[name] for name in (*wanted, last) if name in drawn]
    figure = Figure(figsize=(6.75, 5.2), layout="constrained")
    for letter, panel, ax in zip("abcd", panels, figure.subplots(2, 2).flat, strict=False):
        panel(ax)
        ax.annotate(letter, (-0.16, 1.02), xycoords="axes fraction", weight="bold")
    return figure


def main() -> None:
    """Read a saved comparison and write the figure as PDF and PNG."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("result", type=Path)
    parser.add_argument("--out", type=Path, default=Path("two_seeds"))
    given = parser.parse_args()
    with mpl.rc_context(STYLES["paper"]):
        figure = draw(read_comparison(given.result))
        for suffix in (".pdf", ".png"):
            figure.savefig(given.out.with_suffix(suffix), dpi=200)


if __name__ == "__main__":
    main()
