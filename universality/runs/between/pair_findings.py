"""What is said of two runs beside their means: of each pair of latents, and on other documents."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any, final

import numpy as np
import pandas as pd

from universality.evidence.held_out import Fold, arrays_of_folds, cross_fit, folds_from
from universality.runs.between.carriers import carriers_summary, with_carriers
from universality.runs.between.cross_view import activation_findings
from universality.runs.between.unmatched import unmatched_spans
from universality.runs.matched import MatchedPair
from universality.runs.policy import Policy
from universality.runs.views import ACTIVATIONS
from universality.storage.json_output import as_json
from universality.storage.kept import PairStore, kept


@final
@dataclass(frozen=True, eq=False)
class PairFindings:
    """What two runs have beside means, shares and their nulls."""

    pairs: pd.DataFrame
    """One row per assigned pair and view, with what every view says of that pair."""
    folds: tuple[Fold, Fold] | None
    """Pairs of activations on documents they were not found on; None where that is unknown."""
    summary: dict[str, Any]
    """In a few numbers: `leverage`, `unmatched_span`, `cross_view`, `held_out`, as far as known."""


def find_between(
    pair: MatchedPair, policy: Policy, *, store: PairStore | None = None
) -> PairFindings:
    """What is said of two matched runs; costs two matchings of half the tokens where held out."""
    pairs = with_carriers(pair_table(pair), pair, policy)
    folds = held_out_folds(pair, policy, store=store)
    summary = carriers_summary(pairs, policy.threshold)
    if unmatched := unmatched_spans(pair, policy):
        summary["unmatched_span"] = unmatched
    if pair.runs.compares_firing:
        summary |= activation_findings(pairs, folds, pair.matches[ACTIVATIONS])
    return PairFindings(pairs, folds, summary)


def summary_between(
    pair: MatchedPair, policy: Policy, *, store: PairStore | None = None
) -> dict[str, Any]:
    """The summary of `find_between`, kept in a store."""

    def made() -> dict[str, np.ndarray]:
        return {"summary": np.array(as_json(find_between(pair, policy).summary))}

    key = f"between/{replace(policy, device='cpu')}/{pair.digest(policy)}" if store else ""
    said: dict[str, Any] = json.loads(str(kept(store, key, made)["summary"]))
    return said


def pair_table(matched: MatchedPair) -> pd.DataFrame:
    """One row per assigned pair and view, with what every view says of that pair."""
    tables = []
    for view, match in matched.matches.items():
        i, j = match.matching.a, match.matching.b
        columns = {"a": matched.a.numbers[i], "b": matched.b.numbers[j]}
        columns["similarity"] = match.matching.similarity
        for other, found in matched.matches.items():
            columns[f"similarity_{other}"] = matched.across[view, other]
            columns[f"same_partner_{other}"] = found.matching.partner_of_a[i] == j
        tables.append(pd.DataFrame({"view": view} | columns))
    return pd.concat(tables, ignore_index=True)


def held_out_folds(
    pair: MatchedPair, policy: Policy, *, store: PairStore | None = None
) -> tuple[Fold, Fold] | None:
    """Pairs of activations on documents they were not found on, kept in a store."""
    runs = pair.runs
    recorded = [part.recorded for part in runs.parts if part.recorded is not None]
    if not (runs.compares_firing and policy.held_out) or runs.table is None or runs.n_documents < 2:
        return None
    documents = runs.table.documents

    def made() -> dict[str, np.ndarray]:
        return arrays_of_folds(
            cross_fit(
                recorded[0].codes,
                recorded[1].codes,
                documents,
                measure=policy.measure,
                absolute=policy.absolute or None,
                min_firing=policy.min_firing,
                seed=policy.seed,
            )
        )

    key = f"folds/{replace(policy, device='cpu')}/{pair.digest(policy)}" if store else ""
    return folds_from(kept(store, key, made))
