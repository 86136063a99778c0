"""The tables of many runs: one row per pair, triple, latent, family, or point of a spectrum."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from universality.recurrence.certainty.pair_statistics import (
    agreement_table,
    mean_table,
    share_table,
)
from universality.recurrence.families.family_rules import Rule
from universality.recurrence.families.spectrum import n_runs_found, null_spectrum, spectrum_of
from universality.recurrence.null_runs import RunsNull
from universality.runs.cycles import cycle_table
from universality.runs.partner_table import PartnerTable
from universality.runs.views import BOTH


def run_pair_table(matched: Mapping[str, PartnerTable], threshold: float) -> pd.DataFrame:
    """One row per pair of runs and view: `mean`, `shared` (at the threshold), `gap`, `agreement`.

    `agreement` is that of decoder and encoder and the same in both views' rows; a column is NaN
    where it cannot be known.
    """
    agreement = None
    if {"decoder", "encoder"} <= set(matched):
        agreement = agreement_table(matched["decoder"], matched["encoder"])
    tables = []
    for view, one in matched.items():
        pairs = np.argwhere(np.triu(one.available, k=1))
        table = pd.DataFrame({"a": pairs[:, 0], "b": pairs[:, 1], "view": view})
        known = one.similarity is not None
        table["mean"] = mean_table(one)["value"] if known else np.nan
        table["shared"] = share_table(one, threshold)["value"] if known else np.nan
        table["gap"] = one.gap[pairs[:, 0], pairs[:, 1]]
        if agreement is not None and view in ("decoder", "encoder"):
            merged = table.merge(agreement, on=["a", "b"], how="left")
            table["agreement"] = merged["value"].to_numpy()
        tables.append(table)
    return pd.concat(tables, ignore_index=True)


def triple_table(rules: Mapping[str, Rule]) -> pd.DataFrame:
    """One row per rule and triple of runs, over all assigned pairs (see `cycle_table`)."""
    tables = [cycle_table(rule.matched).assign(view=name) for name, rule in rules.items()]
    return pd.concat([table for table in tables if len(table)] or tables[:1], ignore_index=True)


def spectrum_table(
    rules: Mapping[str, Rule], thresholds: Sequence[float], null: RunsNull
) -> pd.DataFrame:
    """One row per rule, threshold, base run and k, over the runs matched with all others.

    The threshold is NaN where only assignments are known; there the spectrum of a single view is
    left out, since every assigned pair is an edge.
    """
    rows = [
        (name, threshold, edges.runs[run], k, fraction, chance, denominator)
        for name, rule in rules.items()
        for threshold in _thresholds(rule, thresholds)
        for edges in (rule.edges_at(threshold),)
        for chances in (null_spectrum(null.share.get((name, threshold), np.nan), edges.n_runs),)
        for run in edges.complete.tolist()
        for denominator in (int(edges.alive[edges.rows(run)].sum()),)
        for k, (fraction, chance) in enumerate(
            zip(spectrum_of(edges, run), chances, strict=True), start=1
        )
    ]
    columns = ["view", "threshold", "base_run", "k", "fraction", "null_fraction", "denominator"]
    return pd.DataFrame(rows, columns=columns)


def edge_rules(
    rules: Mapping[str, Rule], thresholds: Sequence[float]
) -> list[tuple[str, float | None]]:
    """The rules and thresholds under which a pair is an edge or none.

    Of assignments without similarities the threshold is None, and single views are left out, in
    which every assigned pair is an edge.
    """
    return [(name, t) for name, rule in rules.items() for t in _thresholds(rule, thresholds)]


def _thresholds(rule: Rule, thresholds: Sequence[float]) -> Sequence[float | None]:
    if rule.threshold is not None:
        return thresholds
    return [None] if rule.name == BOTH else []


def study_latent_table(rules: Mapping[str, Rule]) -> pd.DataFrame:
    """One row per run and latent: `family_<rule>`, `n_runs_found_<rule>`, `stability_<rule>`.

    Stability is (k-1)/(N-1); NaN for latents that take no part, and in runs that miss a pair, whose
    k is only a lower bound.
    """
    first = next(iter(rules.values())).matched
    table = pd.DataFrame(
        {
            "run": np.array(first.runs)[first.run_of],
            "latent": first.number_in_run,
            "alive": first.alive,
        }
    )
    for name, rule in rules.items():
        found = n_runs_found(rule.edges)
        known = first.alive & np.isin(first.run_of, rule.edges.complete)
        table[f"family_{name}"] = rule.partition.family
        table[f"n_runs_found_{name}"] = np.where(first.alive, found, 0)
        table[f"stability_{name}"] = np.where(known, (found - 1) / (first.n_runs - 1), np.nan)
    return table


def with_names(table: pd.DataFrame, runs: Sequence[str]) -> pd.DataFrame:
    """The table with the names of runs in place of their numbers."""
    sides = [side for side in ("a", "b", "c") if side in table]
    names = dict(enumerate(runs))
    return table.assign(**{side: table[side].map(names) for side in sides})
