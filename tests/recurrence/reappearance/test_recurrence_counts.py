"""In how many runs latents are found, against counting one by one."""

from __future__ import annotations

import numpy as np
import pytest

from tests.planted_recurrence import matched_population
from tests.planted_runs import link_all
from universality.recurrence.reappearance.recurrence_counts import found_counts, held_out, pooled
from universality.runs.partner_table import PartnerTable
from universality.synthetic.populations import Flaws, draw_population


def _edges(n_runs: int = 5) -> PartnerTable:
    generator = np.random.default_rng(0)
    drawn = draw_population(
        generator.beta(0.7, 1, 60), n_runs, generator=generator, flaws=Flaws(missed=0.1)
    )
    return matched_population(drawn)


def test_each_latent_counts_by_its_own_pairs() -> None:
    edges = _edges()
    found = [1 + sum(partner >= 0 for partner in row) for row in edges.partner]
    assert found_counts(edges).tolist() == [found.count(k) for k in range(1, 6)]


def test_a_run_that_is_left_out_is_neither_base_nor_counted() -> None:
    edges = _edges()
    for table in held_out(edges):
        counts, again = np.zeros(4, dtype=int), np.zeros(4, dtype=int)
        for latent, row in enumerate(edges.partner):
            if edges.run_of[latent] != table.run:
                k = sum(row[run] >= 0 for run in range(5) if run != table.run)
                counts[k] += 1
                again[k] += row[table.run] >= 0
        assert table.counts.tolist() == counts.tolist()
        assert table.found.tolist() == again.tolist()


def test_runs_that_miss_a_pair_are_no_base_runs_and_are_looked_in_all_the_same() -> None:
    rows = [(0, 0, 0, 0), (1, 1, -1, -1)]
    edges = link_all(rows, size=3, skip=[(0, 1)])
    tables = held_out(edges)
    assert found_counts(edges).sum() == 2 * 3
    assert [table.counts.sum() for table in tables] == [6, 6, 3, 3]
    assert tables[0].found.sum() == 2


def test_pooled_is_the_share_over_all_runs_left_out() -> None:
    tables = held_out(_edges())
    share = pooled(tables)
    for k in range(4):
        counts = sum(table.counts[k] for table in tables)
        assert share[k] == pytest.approx(sum(table.found[k] for table in tables) / counts)
