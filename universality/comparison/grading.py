"""What a comparison says of each latent in one word, by view and by all views together."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from universality.results.grades import grade_by_view, grade_column, with_grades_together
from universality.runs.alive import Alive


def with_grades(
    latents: pd.DataFrame, views: Sequence[str], alive: Alive, *, threshold: float
) -> pd.DataFrame:
    """The table of the latents of a run with their grades (see `results.grades.GRADES`).

    One column for each view, one for decoder and encoder together where both are compared, and
    `grade` for all views.
    """
    takes_part, rare = alive.mask.cpu().numpy(), alive.rare.cpu().numpy()
    apart = np.where(rare, "rare", "dead").astype(object)
    columns = {
        grade_column(view): grade_by_view(
            latents, view, takes_part=takes_part, apart=apart, threshold=threshold
        )
        for view in views
    }
    return with_grades_together(latents.assign(**columns), views)
