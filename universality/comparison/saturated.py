"""Whether nearly every latent of the narrower run has a partner, from the tables of latents."""

from __future__ import annotations

import numpy as np
import pandas as pd

from universality.checks import Check
from universality.checks.saturation import check_saturation

_BOTH = ("decoder", "encoder")


def check_saturated(
    latents_a: pd.DataFrame, latents_b: pd.DataFrame, threshold: float
) -> list[Check]:
    """The check of saturation, of the run with fewer latents; nothing without both directions."""
    if not {f"partner_{view}" for view in _BOTH} <= set(latents_a):
        return []
    table = min((latents_a, latents_b), key=lambda table: int(table["alive"].sum()))
    table = table[table["alive"]]
    partners, similarities = (
        table[[f"{column}_{view}" for view in _BOTH]].to_numpy(dtype=np.float64)
        for column in ("partner", "partner_similarity")
    )
    one_partner = (partners[:, 0] == partners[:, 1]) & (partners[:, 0] >= 0)
    reached = one_partner & (similarities >= threshold).all(axis=1)
    frequency = table["frequency"].to_numpy(np.float64) if "frequency" in table else None
    return [check_saturation(reached, frequency, threshold=threshold)]
