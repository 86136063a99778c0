"""One row per family: the runs it lives in, what is missing, and how alike its members are."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float64, Int64

from universality.recurrence.families.family_rules import Rule


def family_table(rule: Rule, measured: Mapping[str, np.ndarray]) -> pd.DataFrame:
    """One row per family of a rule, in the order of their numbers.

    `missing_runs` have no member; `missing_pairs` lie between runs of members and were never
    matched; `absent_edges` were matched and are no edge (0 for strict families). Names are joined
    by a comma. `measured` adds columns of its own, one value per family.
    """
    edges, partition = rule.edges, rule.partition
    present = _present(rule)
    unmatched = [(i, j) for i, j in np.argwhere(np.triu(~edges.available, k=1))]
    joined = _joined(rule)
    mean, lowest = _similarities(rule, joined)
    return pd.DataFrame(
        {
            "view": rule.name,
            "family": np.arange(partition.n_families),
            "kind": np.where(partition.strict, "strict", "soft"),
            "n_runs": partition.size,
            "stability": (partition.size - 1) / (edges.n_runs - 1),
            "runs": _names(present, edges.runs),
            "missing_runs": _names(~present, edges.runs),
            "missing_pairs": _names(
                np.stack([present[:, i] & present[:, j] for i, j in unmatched], axis=1)
                if unmatched
                else np.zeros((partition.n_families, 0), dtype=bool),
                tuple(f"{edges.runs[i]}-{edges.runs[j]}" for i, j in unmatched),
            ),
            "absent_edges": _absent_edges(rule, present, joined),
            "mean_similarity": mean,
            "lowest_similarity": lowest,
            **measured,
        }
    )


def mean_over_members(
    rule: Rule, values: Float64[np.ndarray, " n_latents"]
) -> Float64[np.ndarray, " n_families"]:
    """Mean of a value over the members of each family."""
    member = rule.partition.family >= 0
    family, n = rule.partition.family[member], rule.partition.n_families
    total = np.bincount(family, weights=values[member], minlength=n)
    return np.asarray(total / np.maximum(1, rule.partition.size))


def _present(rule: Rule) -> Bool[np.ndarray, "n_families n_runs"]:
    family = rule.partition.family
    member = family >= 0
    present = np.zeros((rule.partition.n_families, rule.edges.n_runs), dtype=bool)
    present[family[member], rule.edges.run_of[member]] = True
    return present


def _joined(rule: Rule) -> Bool[np.ndarray, "n_latents n_runs"]:
    """Which edges join two members of one family."""
    family, partner = rule.partition.family, rule.edges.partner
    return np.asarray(
        (partner >= 0) & (family[:, None] >= 0) & (family[partner] == family[:, None])
    )


def _absent_edges(
    rule: Rule,
    present: Bool[np.ndarray, "n_families n_runs"],
    joined: Bool[np.ndarray, "n_latents n_runs"],
) -> Int64[np.ndarray, " n_families"]:
    edges, family = rule.edges, rule.partition.family
    member = family >= 0
    possible = edges.available[edges.run_of[member]] & present[family[member]]
    absent = (possible & ~joined[member]).sum(axis=1)
    twice = np.bincount(family[member], weights=absent, minlength=len(present))
    return np.asarray((twice / 2).astype(np.int64))


def _similarities(
    rule: Rule, joined: Bool[np.ndarray, "n_latents n_runs"]
) -> tuple[Float64[np.ndarray, " n_families"], Float64[np.ndarray, " n_families"]]:
    n = rule.partition.n_families
    if rule.edges.similarity is None:
        return np.full(n, np.nan), np.full(n, np.nan)
    latents, runs = np.nonzero(joined)
    family, values = rule.partition.family[latents], rule.edges.similarity[latents, runs]
    count = np.bincount(family, minlength=n)
    mean = np.bincount(family, weights=values, minlength=n) / np.maximum(1, count)
    lowest = np.full(n, np.inf)
    np.minimum.at(lowest, family, values)
    return mean, lowest


def _names(chosen: Bool[np.ndarray, "n_families n"], names: tuple[str, ...]) -> list[str]:
    labels = np.array(names, dtype=object)
    return [", ".join(labels[row]) for row in chosen]
