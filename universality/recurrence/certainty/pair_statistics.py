"""Statistics of pairs of runs: each a table with columns `a`, `b` and `value`."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations

import numpy as np
import pandas as pd

from universality.results.grades import ROUNDING
from universality.runs.partner_table import PartnerTable


def agreement_table(first: PartnerTable, second: PartnerTable) -> pd.DataFrame:
    """Per pair of runs, the fraction of latents whose partners in both views exist and are equal.

    With runs of different width, the mean of the fractions of either run.
    """
    same = (first.partner >= 0) & (first.partner == second.partner)
    available = first.available & second.available

    def fraction(a: int, b: int) -> float:
        sides = (same[first.rows(x), y].sum() / _n_alive(first, x) for x, y in ((a, b), (b, a)))
        return float(np.mean(list(sides)))

    return _table(available, fraction)


def mean_table(matched: PartnerTable) -> pd.DataFrame:
    """Per pair of runs, the mean similarity of the assigned pairs."""
    assert matched.similarity is not None
    similarity = matched.similarity

    def mean(a: int, b: int) -> float:
        return float(np.nanmean(similarity[matched.rows(a), b]))

    return _table(matched.available, mean)


def share_table(matched: PartnerTable, threshold: float) -> pd.DataFrame:
    """Per pair of runs, the fraction of min(n_a, n_b) living pairs that reach the threshold."""
    assert matched.similarity is not None
    similarity = matched.similarity

    def share(a: int, b: int) -> float:
        reaching = int((similarity[matched.rows(a), b] >= threshold - ROUNDING).sum())
        return reaching / min(_n_alive(matched, a), _n_alive(matched, b))

    return _table(matched.available, share)


def _n_alive(matched: PartnerTable, run: int) -> int:
    return int(matched.alive[matched.rows(run)].sum())


def _table(available: np.ndarray, value: Callable[[int, int], float]) -> pd.DataFrame:
    pairs = [(a, b) for a, b in combinations(range(len(available)), 2) if available[a, b]]
    rows = [(a, b, value(a, b)) for a, b in pairs]
    return pd.DataFrame(rows, columns=["a", "b", "value"])
