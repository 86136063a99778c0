"""The grades of a latent: one vocabulary for tables, figures and pages."""

from __future__ import annotations

import pandas as pd

GRADES = ("same", "similar", "none", "rare", "dead")
"""Every latent has one of them. `same`: its assigned partner reaches the threshold. `similar`: not
that, but its nearest is above chance. `none`: neither was shown. `rare`: fires, but too rarely to
be judged. `dead`: never fires, or has a zero row. They add up to the width of a run."""

ALL_VIEWS = "all"
"""How the summary calls the grade over all views, the column `grade`."""

ROUNDING = 1e-9
"""Similarities this far below a threshold still reach it: the last bits of a cosine are noise."""


def grade_column(view: str) -> str:
    """The column that holds the grades by a view, or by all of them."""
    return "grade" if view == ALL_VIEWS else f"grade_{view}"


def grade_counts(latents: pd.DataFrame) -> dict[str, dict[str, int]]:
    """How many latents have each grade, by view and by all; each adds up to the width."""
    names = [name for name in latents if str(name).startswith("grade")]
    views = {str(name): str(name).removeprefix("grade").removeprefix("_") for name in names}
    return {view or ALL_VIEWS: _counted(latents[name]) for name, view in views.items()}


def _counted(grades: pd.Series) -> dict[str, int]:
    counts = grades.value_counts()
    return {grade: int(counts.get(grade, 0)) for grade in GRADES}
