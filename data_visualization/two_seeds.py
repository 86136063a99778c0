"""The headline figure of two runs: how much is shared, in which view, and how often it fires.

python -m data_visualization.two_seeds RESULT [--out STEM]

RESULT is a folder that `universality compare A B --activations DIR --out RESULT` wrote.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from universality import figures
from universality.results import read_comparison

_PANELS = ("share_against_threshold", "means_beside_null", "decoder_against_encoder")
_LAST = ("similarity_against_frequency", "matched_similarity")


def draw(result: Path, stem: Path) -> list[Path]:
    """The files of the figure, four panels in the width of a page, and its numbers."""
    drawn = figures.figures_of(read_comparison(result))
    last = next(name for name in _LAST if name in drawn)
    panels = {name: drawn[name] for name in (*_PANELS, last) if name in drawn}
    return figures.write_panels(panels, stem, columns=2)


def main() -> None:
    """Read a saved comparison and write the figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("result", type=Path)
    parser.add_argument("--out", type=Path, default=Path("two_seeds"))
    given = parser.parse_args()
    draw(given.result, given.out)


if __name__ == "__main__":
    main()
