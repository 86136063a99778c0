"""The texts on which the members of a family fire together, side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float, Int64

from universality.activations.contexts import contexts
from universality.codes import token_range
from universality.recurrence.families.family_rules import Rule
from universality.runs.part import RunPart

SHOWN = 3
"""Contexts kept of each family."""
MOST_FAMILIES = 1_000
"""Of more families than this, an evenly spaced part is kept."""

_BEFORE, _AFTER = 12, 6


@final
@dataclass(frozen=True, eq=False)
class _Member:
    """Where one latent fires, its largest code made one."""

    tokens: Int64[np.ndarray, " n"]
    codes: Float[np.ndarray, " n"]


def contexts_of_rules(rules: Mapping[str, Rule], runs: Sequence[RunPart]) -> pd.DataFrame | None:
    """The texts of the families of every rule, as `family_contexts` gives them."""
    tables = (family_contexts(rule, runs) for rule in rules.values())
    found = [table for table in tables if table is not None]
    return pd.concat(found, ignore_index=True) if found else None


def family_contexts(rule: Rule, runs: Sequence[RunPart]) -> pd.DataFrame | None:
    """One row per shown family of a rule and context, strongest first; None without any.

    Strength is the mean over members of the code over the member's largest. Columns: `view`,
    `family`, `rank`, `row` (of the first run's cache), `document`,
    `tokens` (strings around it), `centre` (which of them), and `codes`, what each member does there
    as a share of its largest code, in the order of the runs it lives in. Families are evenly spaced
    over their order, which is largest first.
    """
    n, first = rule.partition.n_families, runs[0].recorded
    if not n or first is None:
        return None
    shown = np.unique(np.linspace(0, n - 1, min(n, MOST_FAMILIES)).round().astype(int))
    members = _members(rule, runs, shown)
    rows = [
        {"view": rule.name, "family": family, "rank": rank, "row": token, "codes": codes}
        for family, some in members.items()
        for rank, (token, codes) in enumerate(_strongest(some))
    ]
    columns = ["view", "family", "rank", "row", "codes"]
    table = pd.DataFrame(rows, columns=columns)
    table["row"] = first.rows[table["row"]]
    where = torch.tensor(table["row"].tolist())
    found = contexts(first.cache, where, before=_BEFORE, after=_AFTER)
    table["document"] = [one.document for one in found]
    table["tokens"] = [list(one.strings) for one in found]
    table["centre"] = [one.centre for one in found]
    return table


def _members(
    rule: Rule, runs: Sequence[RunPart], families: Int64[np.ndarray, " n_families"]
) -> dict[int, list[_Member]]:
    found: dict[int, list[_Member]] = {int(family): [] for family in families}
    for place, run in enumerate(runs):
        assert run.codes is not None
        whole = token_range(run.codes, range(run.codes.n_tokens))
        own = rule.partition.family[rule.edges.rows(place)][run.numbers]
        for latent in np.flatnonzero(np.isin(own, families)).tolist():
            part = slice(whole.indptr[latent], whole.indptr[latent + 1])
            codes = np.abs(whole.data[part]).astype(np.float64)
            largest = codes.max(initial=0.0)
            tokens = whole.indices[part].astype(np.int64)
            found[int(own[latent])].append(_Member(tokens, codes / max(largest, 1e-30)))
    return found


def _strongest(members: Sequence[_Member]) -> list[tuple[int, list[float]]]:
    tokens, place = np.unique(np.concatenate([one.tokens for one in members]), return_inverse=True)
    codes = np.zeros((len(members), tokens.size))
    row = np.repeat(np.arange(len(members)), [one.tokens.size for one in members])
    codes[row, place] = np.concatenate([one.codes for one in members])
    best = np.argsort(-codes.sum(axis=0), kind="stable")[:SHOWN]
    return [(int(tokens[at]), codes[:, at].round(3).tolist()) for at in best]
