"""Partial matching of two runs as a curve over the price of staying unmatched, beside the null."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from universality.compute.stages import counted
from universality.matching import Matching, PartialMatching, assign_partially
from universality.matching.above import ROUNDING
from universality.runs.drawn_pairs import DrawnPairs, null_behind
from universality.runs.matched import MatchedPair
from universality.runs.policy import Policy

PRICES = tuple(round(0.05 * step, 2) for step in range(2, 20))
"""0.10, 0.15, ... 0.95."""


def price_curve(pair: MatchedPair, policy: Policy) -> tuple[pd.DataFrame, dict[str, Any]]:
    """One row per view and price, and what the summary says at the policy's threshold.

    Costs a pass over all pairs for each view, and for each draw of the null.
    """
    prices = sorted({*PRICES, policy.threshold})
    found = {
        view: assign_partially(similarity, prices, time_limit=policy.time_limit)
        for view, similarity in pair.similarities.items()
    }
    drawn: dict[str, list[list[PartialMatching]]] = {view: [] for view in found}
    draws = DrawnPairs(pair, policy)
    for similarities in counted(draws, "draws at every price", total=len(draws)):
        for view, similarity in similarities.items():
            drawn[view].append(
                assign_partially(similarity, prices, time_limit=policy.time_limit, progress=False)
            )
    tables = [_rows(view, found[view], pair.matches[view].matching, drawn[view]) for view in found]
    table = pd.concat(tables, ignore_index=True)
    return table, _summary(table, policy)


def _rows(
    view: str,
    found: Sequence[PartialMatching],
    whole: Matching,
    drawn: Sequence[Sequence[PartialMatching]],
) -> pd.DataFrame:
    null = np.array([[one.fraction for one in draw] for draw in drawn])
    null_gain = np.array([[one.gain for one in draw] for draw in drawn])
    rows = [
        {
            "view": view,
            "price": one.price,
            "n_pairs": one.n_pairs,
            "fraction": one.fraction,
            "mean_similarity": one.mean,
            "gain": one.gain,
            "upper_bound": one.upper_bound,
            "certified": one.certified,
            **_beside_whole(one, whole),
        }
        for one in found
    ]
    return pd.DataFrame(rows).assign(
        null_fraction=null.mean(axis=0),
        null_sd=null.std(axis=0, ddof=1),
        null_gain=null_gain.mean(axis=0),
    )


def _beside_whole(partial: PartialMatching, whole: Matching) -> Mapping[str, Any]:
    """The pairs of the whole assignment above the price: what a threshold afterwards leaves."""
    above = whole.similarity > partial.price + ROUNDING
    return {
        "thresholded_fraction": float(above.mean()),
        "thresholded_gain": float((whole.similarity[above] - partial.price).sum()),
        "other_partner": int((whole.partner_of_a[partial.a] != partial.b).sum()),
    }


def _summary(table: pd.DataFrame, policy: Policy) -> dict[str, Any]:
    said = {}
    for row in table[table["price"] == policy.threshold].to_dict("records"):
        view = str(row["view"])
        curve = table[table["view"] == view]
        said[view] = {
            "null": null_behind(view, policy),
            "n_draws": policy.n_draws,
            **{key: row[key] for key in ("price", "n_pairs", "fraction", "null_fraction")},
            "mean_similarity": row["mean_similarity"] if row["n_pairs"] else None,
            **{key: row[key] for key in ("gain", "thresholded_fraction", "other_partner")},
            "certified": bool(curve["certified"].all()),
        }
    return said
