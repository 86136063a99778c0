"""How many partners each latent of two runs has, by entropic transport, beside the null."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from universality.compute.stages import counted
from universality.matching.transport import Transport, transport_between
from universality.runs.drawn_pairs import DrawnPairs, null_behind
from universality.runs.matched import MatchedPair
from universality.runs.policy import Policy

FEW = 1.5
"""Effective partners below which a latent counts as having one partner of its own."""


def soft_partners(
    pair: MatchedPair, policy: Policy, temperature: float
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """One row per view, run and latent that takes part, and what the summary says of each view.

    Costs a matching and up to 2,000 passes over the candidates for each view, and for each draw.
    """
    found = {
        view: transport_between(similarity, temperature)
        for view, similarity in pair.similarities.items()
    }
    drawn: dict[str, list[Transport]] = {view: [] for view in found}
    draws = DrawnPairs(pair, policy)
    for similarities in counted(draws, "draws of transport", total=len(draws)):
        for view, similarity in similarities.items():
            drawn[view].append(transport_between(similarity, temperature, progress=False))
    tables = [_rows(view, one, pair) for view, one in found.items()]
    said = {
        view: {"temperature": temperature, "null": null_behind(view, policy)}
        | {"n_draws": policy.n_draws}
        | _summary(one, drawn[view])
        for view, one in found.items()
    }
    return pd.concat(tables, ignore_index=True), said


def _rows(view: str, found: Transport, pair: MatchedPair) -> pd.DataFrame:
    tables = []
    for number, (side, own, other) in enumerate((("a", pair.a, pair.b), ("b", pair.b, pair.a))):
        columns = {"latent": own.numbers, "partner": other.numbers[found.partner(number)]}
        columns["effective_partners"] = found.effective_partners(number)
        tables.append(pd.DataFrame({"view": view, "side": side} | columns))
    return pd.concat(tables, ignore_index=True)


def _summary(found: Transport, drawn: list[Transport]) -> dict[str, Any]:
    return {
        "mean": found.mean,
        "null_mean": float(np.mean([one.mean for one in drawn])),
        "marginal_error": found.marginal_error,
        "left_out_at_most": found.left_out_at_most,
        **{
            side: {
                "median_effective_partners": float(np.median(found.effective_partners(number))),
                "one_partner": _few(found, number),
                "null_one_partner": float(np.mean([_few(one, number) for one in drawn])),
            }
            for number, side in enumerate(("a", "b"))
        },
    }


def _few(found: Transport, side: int) -> float:
    return float((found.effective_partners(side) < FEW).mean())
