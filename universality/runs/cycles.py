"""Whether two steps lead where one leads: cycle consistency over triples of runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations, permutations

import numpy as np
import pandas as pd

from universality.runs.partner_table import Link, PartnerTable, stack, with_both
from universality.runs.view_match import ViewMatch


def cycle_table(matched: PartnerTable) -> pd.DataFrame:
    """One row per triple of runs whose three pairs exist.

    Columns `a`, `b`, `c` (numbers of runs), `consistent`, `followed`, `possible`, `value`,
    `coverage`. A latent of the first run of an ordered triple counts as followed where all three
    maps give a partner, and as consistent where the two steps end at the partner of the one. Counts
    are summed over the six orders, so the order of the runs does not matter; where every latent
    has a partner the orders agree. `value` is consistent / followed (NaN when nothing could be
    followed), `coverage` followed / possible. Linear in latents times triples.
    """
    rows = []
    for triple in combinations(range(matched.n_runs), 3):
        if all(matched.available[i, j] for i, j in combinations(triple, 2)):
            counts = [_follow(matched, *order) for order in permutations(triple)]
            rows.append((*triple, *(sum(column) for column in zip(*counts, strict=True))))
    table = pd.DataFrame(rows, columns=["a", "b", "c", "consistent", "followed", "possible"])
    table["value"] = table["consistent"] / table["followed"].where(table["followed"] > 0)
    table["coverage"] = table["followed"] / table["possible"].where(table["possible"] > 0)
    return table


def cycles_of(
    pairs: Mapping[tuple[int, int], Mapping[str, ViewMatch]], sizes: Sequence[int]
) -> dict[str, float]:
    """Cycle consistency of runs of these sizes by rule, over all their latents; 0 for no cycle.

    `pairs` holds their matches by the numbers of two runs, the lower first.
    """
    names = [str(number) for number in range(len(sizes))]
    alive = [np.ones(n, dtype=bool) for n in sizes]
    views = next(iter(pairs.values()))
    matched = {
        view: stack(names, alive, {pair: _link(one[view]) for pair, one in pairs.items()})
        for view in views
    }
    tables = {rule: cycle_table(one) for rule, one in with_both(matched).items()}
    return {
        rule: int(table["consistent"].sum()) / max(1, int(table["followed"].sum()))
        for rule, table in tables.items()
    }


def _link(match: ViewMatch) -> Link:
    return Link(match.matching.a, match.matching.b, match.matching.similarity)


def _follow(matched: PartnerTable, a: int, b: int, c: int) -> tuple[int, int, int]:
    rows = matched.rows(a)
    direct, first = matched.partner[rows, c], matched.partner[rows, b]
    second = matched.partner[first, c]
    followed = (direct >= 0) & (first >= 0) & (second >= 0)
    consistent = followed & (second == direct)
    return int(consistent.sum()), int(followed.sum()), int(matched.alive[rows].sum())
