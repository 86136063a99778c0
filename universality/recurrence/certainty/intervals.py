"""Jackknife intervals of every statistic whose meaning survives the loss of a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from scipy.special import stdtrit

from universality.recurrence.certainty.jackknife import (
    CONFIDENCE,
    JackknifeInterval,
    jackknife,
    jackknife_mean,
)
from universality.recurrence.families.family_rules import Rule
from universality.recurrence.families.spectrum import only_in_one_fractions, spectrum_fractions
from universality.runs.partner_table import among

FEWEST_RUNS = 3
"""Without one of them, a pair must be left."""


def interval_note(n_runs: int) -> str:
    """What kind of intervals a result has, and why some are missing."""
    if n_runs < FEWEST_RUNS:
        return f"no intervals: the jackknife over runs needs at least {FEWEST_RUNS}, got {n_runs}"
    reach = stdtrit(n_runs - 1, (1 + CONFIDENCE) / 2)
    few = "; triples have none, since none is left without a run" if n_runs == FEWEST_RUNS else ""
    return (
        f"delete-one-run jackknife, {CONFIDENCE:.0%}: estimate +- {reach:.2f} standard errors "
        f"(t with {n_runs - 1} degrees of freedom){few}; none for families and spectra over all "
        "runs, which mean something else without one"
    )


def intervals(
    rules: Mapping[str, Rule], pairs: pd.DataFrame, triples: pd.DataFrame, main: str
) -> dict[str, JackknifeInterval]:
    """The intervals by quantity.

    Quantities are `mean.<view>`, `shared.<view>`, `agreement.decoder_encoder`,
    `cycle_consistency.<rule>`, and `only_in_one_of_<n>.<rule>` of the headline rule for n < N.
    Families over all runs, and anything found in exactly k of N, mean something else without a
    run and get none. At least three runs: with three, statistics of pairs have an interval with
    t(2), as wide as that says, and those of triples have none.
    """
    n_runs = next(iter(rules.values())).matched.n_runs
    if n_runs < FEWEST_RUNS:
        return {}
    found: dict[str, JackknifeInterval | None] = {}
    for view in pairs["view"].unique():
        table = pairs[pairs["view"] == view]
        for column in ("mean", "shared"):
            found[f"{column}.{view}"] = jackknife_mean(table.assign(value=table[column]), n_runs)
        if view == "decoder" and "agreement" in table:
            found["agreement.decoder_encoder"] = jackknife_mean(
                table.assign(value=table["agreement"]), n_runs
            )
    for name in rules:
        table = triples[triples["view"] == name]
        found[f"cycle_consistency.{name}"] = jackknife_mean(table, n_runs)
    found |= _only_in_one_intervals(rules[main], n_runs)
    return {name: one for name, one in found.items() if one is not None}


def _only_in_one_intervals(rule: Rule, n_runs: int) -> dict[str, JackknifeInterval | None]:
    def fractions(runs: Sequence[int]) -> np.ndarray:
        return only_in_one_fractions(spectrum_fractions(among(rule.edges, runs)))[: n_runs - 2]

    found = jackknife(fractions, n_runs)
    return {f"only_in_one_of_{n}.{rule.name}": one for n, one in enumerate(found, start=2)}
