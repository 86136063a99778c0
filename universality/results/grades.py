"""The grades of a latent: one vocabulary for tables, figures and pages."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from jaxtyping import Bool

GRADES = ("same", "similar", "none", "rare", "dead")
"""Every latent has one of them. By one view: `same`: its assigned partner reaches the threshold.
`similar`: not that, but its nearest is above chance. `none`: no counterpart was found. `rare`:
fires, but too rarely to be judged. `dead`: never fires, or has a zero row. They add up to the width
of a run. By several views together see
`with_grades_together`."""

ACCOUNTED = ("same", "group", "subspace", *GRADES[1:])
"""Every latent is one of these in the account of a view of directions, and they add up to the width
of a run: its grade, unless it lies in the other run's span as a member of a group of latents, or in
the leading span of what the other run has left (see `runs.between.account`)."""

ALL_VIEWS = "all"
"""How the summary calls the grade over all views, the column `grade`."""

BOTH_VIEWS = "decoder_and_encoder"
"""How the grade by decoder and encoder together is called."""

ROUNDING = 1e-9
"""Similarities this far below a threshold still reach it: the last bits of a cosine are noise."""


def grade_column(view: str) -> str:
    """The column that holds the grades by a view, or by all of them."""
    return "grade" if view == ALL_VIEWS else f"grade_{view}"


def account_column(view: str) -> str:
    """The column that holds what every latent is in the account of a view."""
    return f"account_{view}"


def account_counts(words: np.ndarray) -> dict[str, int]:
    """How many latents are each; they add up to the width."""
    return {word: int((words == word).sum()) for word in ACCOUNTED}


def grade_by_view(
    latents: pd.DataFrame,
    view: str,
    *,
    takes_part: Bool[np.ndarray, " d_sae"],
    apart: np.ndarray,
    threshold: float,
) -> np.ndarray:
    """The grade of each latent by one view, from the columns of the table.

    Args:
        latents: One row per latent.
        view: Which view.
        takes_part: Whether each latent was compared at all.
        apart: The grade of each latent that was not; of others it is not looked at.
        threshold: From which two latents count as the same.
    """
    same = latents[f"partner_similarity_{view}"].to_numpy(float) >= threshold - ROUNDING
    chosen = [~takes_part, same, _above_chance(latents, view)]
    return np.select(chosen, [apart, "same", "similar"], "none").astype(object)


def with_grades_together(latents: pd.DataFrame, views: Sequence[str]) -> pd.DataFrame:
    """The table with the grades over several views, which follow from those by each view.

    `same` where every view says so of one and the same partner; `none` where every view says it; in
    between `similar`: some view found a counterpart, and they are not all sure of the same one.
    """
    together = {name: _together(latents, some) for name, some in views_together(views).items()}
    return latents.assign(**{grade_column(name): grades for name, grades in together.items()})


def views_together(views: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Which views are graded together, by the name of that grade."""
    both = {BOTH_VIEWS: ("decoder", "encoder")} if {"decoder", "encoder"} <= set(views) else {}
    return {**both, ALL_VIEWS: tuple(views)}


def _together(latents: pd.DataFrame, views: Sequence[str]) -> np.ndarray:
    by_view = latents[[grade_column(view) for view in views]].to_numpy(dtype=object)
    partners = latents[[f"partner_{view}" for view in views]].to_numpy()
    return grades_over(by_view, agreed=(partners == partners[:, :1]).all(axis=1))


def grades_over(
    by_view: np.ndarray, *, agreed: Bool[np.ndarray, " n_latents"] | None = None
) -> np.ndarray:
    """The grade of each latent over views, or over rules, from its grades by each (columns).

    `agreed` says of which latents all views mean the same partner; by default of all.
    """
    same = (by_view == "same").all(axis=1)
    same &= True if agreed is None else agreed
    found = ((by_view == "same") | (by_view == "similar")).any(axis=1)
    return np.select([same, found], ["same", "similar"], by_view[:, 0]).astype(object)


def grade_counts(latents: pd.DataFrame) -> dict[str, dict[str, int]]:
    """How many latents have each grade, by view and by all; each adds up to the width."""
    names = [name for name in latents if str(name).startswith("grade")]
    views = {str(name): str(name).removeprefix("grade").removeprefix("_") for name in names}
    return {view or ALL_VIEWS: _counted(latents[name]) for name, view in views.items()}


def _counted(grades: pd.Series) -> dict[str, int]:
    counts = grades.value_counts()
    return {grade: int(counts.get(grade, 0)) for grade in GRADES}


def _above_chance(latents: pd.DataFrame, view: str) -> Bool[np.ndarray, " d_sae"]:
    """Whether the nearest was shown to be above chance; where nothing is known, it was not."""
    name = f"above_chance_{view}"
    if name not in latents:
        return np.zeros(len(latents), dtype=bool)
    return latents[name].astype("boolean").fillna(False).to_numpy(dtype=bool)
