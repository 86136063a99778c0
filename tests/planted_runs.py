"""Many runs whose families are known because they were planted."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.random import Generator

from universality.recurrence.families.partition import Partition
from universality.runs.partner_table import Link, PartnerTable, stack

Member = tuple[str, int]


def link_all(
    tables: Sequence[Sequence[int]],
    *,
    names: Sequence[str] | None = None,
    size: int,
    skip: Sequence[tuple[int, int]] = (),
    changes: dict[tuple[int, int], dict[int, tuple[int, float]]] | None = None,
    similarity: float | None = 0.9,
) -> PartnerTable:
    """Runs of `size` latents in which row f of `tables` names the member of family f in each run.

    A member -1 is missing. `changes[a, b]` overrides partners of latents of a: latent ->
    (partner, similarity); a partner -1 removes the edge.
    """
    n_runs = len(tables[0])
    links = {}
    for a in range(n_runs):
        for b in range(a + 1, n_runs):
            if (a, b) in skip:
                continue
            partner = {
                row[a]: (row[b], similarity) for row in tables if row[a] >= 0 and row[b] >= 0
            }
            partner.update((changes or {}).get((a, b), {}))
            kept = {i: (j, s) for i, (j, s) in partner.items() if j >= 0}
            i = np.array(list(kept), dtype=np.int64)
            j = np.array([pair[0] for pair in kept.values()], dtype=np.int64)
            values = None
            if similarity is not None:
                values = np.array([pair[1] for pair in kept.values()], dtype=np.float64)
            links[a, b] = Link(i, j, values)
    alive = [np.ones(size, dtype=bool)] * n_runs
    return stack(names or [f"run{r}" for r in range(n_runs)], alive, links)


def families_of(
    partition: Partition, matched: PartnerTable, *, strict: bool | None = None
) -> set[frozenset[Member]]:
    """The families as sets of (name of the run, latent)."""
    chosen = range(partition.n_families)
    if strict is not None:
        chosen = np.flatnonzero(partition.strict == strict)
    names = np.array(matched.runs)[matched.run_of]
    numbers = matched.number_in_run
    return {
        frozenset(
            (str(names[i]), int(numbers[i])) for i in np.flatnonzero(partition.family == family)
        )
        for family in chosen
    }


def shuffled(
    matched: PartnerTable, generator: Generator
) -> tuple[PartnerTable, dict[Member, Member]]:
    """The same runs in another order with their latents renumbered, and the way back."""
    order = generator.permutation(matched.n_runs)
    numbering = [generator.permutation(size) for size in matched.sizes]
    links = {}
    for p, a in enumerate(order):
        for q in range(p + 1, matched.n_runs):
            b = order[q]
            if not matched.available[a, b]:
                continue
            partner = matched.partner[matched.rows(int(a)), b]
            i = np.flatnonzero(partner >= 0)
            j = partner[i] - matched.starts[b]
            values = None
            if matched.similarity is not None:
                values = matched.similarity[matched.rows(int(a)), b][i]
            links[p, q] = Link(numbering[a][i], numbering[b][j], values)
    alive = [np.ones(matched.sizes[a], dtype=bool) for a in order]
    names = [matched.runs[a] for a in order]
    back = {
        (matched.runs[r], int(new)): (matched.runs[r], old)
        for r, numbers in enumerate(numbering)
        for old, new in enumerate(numbers)
    }
    return stack(names, alive, links), back
