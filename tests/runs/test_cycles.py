from itertools import combinations

import numpy as np
import pytest

from tests.planted_runs import link_all, shuffled
from universality.runs.cycles import cycle_table
from universality.runs.partner_table import Link, stack


def _random_runs(n: int, n_runs: int, seed: int):
    generator = np.random.default_rng(seed)
    maps = {p: generator.permutation(n) for p in combinations(range(n_runs), 2)}
    links = {p: Link(np.arange(n), m.astype(np.int64)) for p, m in maps.items()}
    names = [f"run{r}" for r in range(n_runs)]
    return stack(names, [np.ones(n, dtype=bool)] * n_runs, links), maps


def test_value_is_the_fraction_of_latents_whose_two_steps_lead_where_one_leads() -> None:
    matched, maps = _random_runs(200, 4, seed=0)
    # Make some of it consistent: replace the map 0-2 on half of the latents.
    table = cycle_table(matched).set_index(["a", "b", "c"])
    for a, b, c in combinations(range(4), 3):
        slow = np.mean([maps[b, c][maps[a, b][i]] == maps[a, c][i] for i in range(200)])
        assert table.loc[(a, b, c), "value"] == pytest.approx(slow)
        assert table.loc[(a, b, c), "coverage"] == 1


def test_consistent_maps_give_one_and_random_ones_chance() -> None:
    rows = [[f, (f + 3) % 50, (7 * f) % 50] for f in range(50)]
    assert cycle_table(link_all(rows, size=50))["value"].tolist() == [1.0]
    matched, _ = _random_runs(5_000, 5, seed=1)
    values = cycle_table(matched)["value"]
    assert values.mean() == pytest.approx(1 / 5_000, abs=4 * np.sqrt(1 / 5_000 / 50_000))


def test_a_latent_without_partner_is_not_followed_and_minus_one_never_equals_itself() -> None:
    matched = link_all([[0, 0, 0], [1, 1, 1]], size=3)
    row = cycle_table(matched).iloc[0]
    assert (row["consistent"], row["followed"]) == (2 * 6, 2 * 6)
    assert row["coverage"] == pytest.approx(2 / 3)


def test_only_triples_with_three_pairs_count() -> None:
    rows = [[f] * 5 for f in range(4)]
    assert len(cycle_table(link_all(rows, size=4))) == 10
    assert len(cycle_table(link_all(rows, size=4, skip=[(0, 1)]))) == 7


def test_the_order_of_runs_and_latents_changes_nothing() -> None:
    matched, _ = _random_runs(6, 4, seed=2)
    again, _ = shuffled(matched, np.random.default_rng(3))
    names = [
        {
            frozenset(one.runs[i] for i in (row.a, row.b, row.c)): row.value
            for row in cycle_table(one).itertuples()
        }
        for one in (matched, again)
    ]
    assert names[0] == names[1]
    assert sum(names[0].values()) > 0
