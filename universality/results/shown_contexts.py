"""The texts behind a pair, as readers see them: each text once, with what both latents do there."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import pandas as pd

STRONGEST = ("a", "b")
"""Kinds of contexts that show where the latents of a pair are strongest."""

MOST = 10
"""Texts of a pair that are shown."""


def strongest_contexts(evidence: pd.DataFrame, most: int = MOST) -> pd.DataFrame:
    """The texts on which either latent of one pair is strongest, each once, strongest first.

    How strong is counted in the largest code of the latent among these texts; ties keep the order
    of the table.

    Args:
        evidence: Rows of the table `evidence` of one pair.
        most: How many texts.
    """
    rows = evidence[evidence["kind"].isin(STRONGEST)].drop_duplicates("row")
    shares = {
        side: rows[f"code_{side}"].abs() / (rows[f"code_{side}"].abs().max() or 1) for side in "ab"
    }
    strength = pd.DataFrame(shares).max(axis=1)
    return rows.loc[strength.sort_values(ascending=False, kind="stable").index].head(most)


def context_line(row: Mapping[Hashable, Any], *, before: int = 8, after: int = 4) -> str:
    """One text on one line, the token on which the latents fire in brackets."""
    tokens, centre = [str(token) for token in row["tokens"]], int(row["centre"])
    left = "".join(tokens[_at_a_word(tokens, max(0, centre - before), centre) : centre])
    right = "".join(tokens[centre + 1 : centre + 1 + after])
    return " ".join(f"{left}[{tokens[centre]}]{right}".split())


def _at_a_word(tokens: list[str], start: int, centre: int) -> int:
    """The first place from `start` on at which a word begins."""
    words = (place for place in range(start, centre) if place == 0 or tokens[place][:1].isspace())
    return next(words, centre)
