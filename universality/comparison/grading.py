"""What a comparison says of each latent in one word, by view and by all views together."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from jaxtyping import Bool

from universality.results.grades import ALL_VIEWS, ROUNDING, grade_column
from universality.runs.alive import Alive
from universality.runs.views import BOTH


def with_grades(
    latents: pd.DataFrame, views: Sequence[str], alive: Alive, *, threshold: float
) -> pd.DataFrame:
    """The table of the latents of a run with their grades (see `results.grades.GRADES`).

    One column for each view, one for decoder and encoder together where both are compared, and
    `grade` for all views. Together, views grade `same` where each does and names the same partner,
    and `similar` where each says at least that much.
    """
    apart: dict[str, tuple[str, ...]] = {view: (view,) for view in views}
    if {"decoder", "encoder"} <= set(views):
        apart[BOTH] = ("decoder", "encoder")
    apart[ALL_VIEWS] = tuple(views)
    columns = {
        grade_column(name): _grades(latents, some, alive, threshold) for name, some in apart.items()
    }
    return latents.assign(**columns)


def _grades(
    latents: pd.DataFrame, views: Sequence[str], alive: Alive, threshold: float
) -> np.ndarray:
    reaching = [latents[f"partner_similarity_{view}"] >= threshold - ROUNDING for view in views]
    partners = latents[[f"partner_{view}" for view in views]].to_numpy()
    same = np.logical_and.reduce(reaching) & (partners == partners[:, :1]).all(axis=1)
    both = zip(views, reaching, strict=True)
    similar = np.logical_and.reduce([reached | _above_chance(latents, v) for v, reached in both])
    takes_part, rare = alive.mask.cpu().numpy(), alive.rare.cpu().numpy()
    return np.select(
        [takes_part & same, takes_part & similar, takes_part, rare],
        ["same", "similar", "none", "rare"],
        "dead",
    ).astype(object)


def _above_chance(latents: pd.DataFrame, view: str) -> Bool[np.ndarray, " d_sae"]:
    """Whether the nearest was shown to be above chance; where nothing is known, it was not."""
    name = f"above_chance_{view}"
    if name not in latents:
        return np.zeros(len(latents), dtype=bool)
    return latents[name].astype("boolean").fillna(False).to_numpy(dtype=bool)
