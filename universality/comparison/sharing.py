"""What belongs beside a comparison of two sides of one crosscoder."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from universality.checks.crosscoders import are_sides, compare_sides
from universality.runs.matched import MatchedPair


def crosscoder_columns(pair: MatchedPair) -> dict[str, np.ndarray]:
    """Relative decoder norm and same-index cosine by latent; empty for two runs."""
    a, b = pair.runs.dictionaries
    if not are_sides(a, b):
        return {}
    sides = compare_sides(a, b)
    columns = {"relative_norm": sides.relative_norm}
    if sides.same_index_cosine is not None:
        columns["same_index_cosine"] = sides.same_index_cosine
    return columns


def crosscoder_summary(pair: MatchedPair, latents: pd.DataFrame) -> dict[str, Any]:
    """Both in a few numbers, under `crosscoder`; empty for two runs."""
    a, b = pair.runs.dictionaries
    if not are_sides(a, b):
        return {}
    sides = compare_sides(a, b)
    found: dict[str, Any] = {
        "only_a": sides.only_a,
        "only_b": sides.only_b,
        "median_relative_norm": float(np.nanmedian(sides.relative_norm)),
    }
    if "same_index_cosine" in latents:
        found["mean_same_index_cosine"] = float(latents["same_index_cosine"].mean())
    return {"crosscoder": found}
