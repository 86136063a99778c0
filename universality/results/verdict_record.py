"""The verdict on one latent or one family, as page, terminal and notebook show it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import pandas as pd

from universality.intake.names import visible
from universality.results.result_files import sentences


@final
@dataclass(frozen=True, eq=False)
class Verdict:
    """What is known of one latent, or of one family."""

    of: str
    """Its name, such as a 17."""
    grade: str
    """Over all views that were asked for: see `results.grades.GRADES`; of a family, its kind."""
    sentences: tuple[str, ...]
    """What there is to say, the answer first."""
    views: pd.DataFrame
    """The numbers, one row per view; of a family, one per member."""
    shown: tuple[tuple[str, ...], ...]
    """The same as it is shown: heads, then rows of text."""

    def __repr__(self) -> str:
        widths = [max(map(len, column)) for column in zip(*self.shown, strict=True)]
        lines = (
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in self.shown
        )
        return "\n".join(visible(line) for line in (*self.sentences, *lines))

    def _repr_html_(self) -> str:
        heads, *rows = self.shown
        table = pd.DataFrame(rows, columns=pd.Index(heads))
        return sentences(self.sentences) + table.to_html(index=False)
