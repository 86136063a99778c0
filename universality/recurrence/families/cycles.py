"""Whether two steps lead where one leads: cycle consistency over triples of runs."""

from __future__ import annotations

from itertools import combinations, permutations

import pandas as pd

from universality.runs.matches import MatchedRuns


def cycle_table(matched: MatchedRuns) -> pd.DataFrame:
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


def _follow(matched: MatchedRuns, a: int, b: int, c: int) -> tuple[int, int, int]:
    rows = matched.rows(a)
    direct, first = matched.partner[rows, c], matched.partner[rows, b]
    second = matched.partner[first, c]
    followed = (direct >= 0) & (first >= 0) & (second >= 0)
    consistent = followed & (second == direct)
    return int(consistent.sum()), int(followed.sum()), int(matched.alive[rows].sum())
