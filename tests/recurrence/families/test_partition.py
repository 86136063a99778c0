from itertools import combinations

import numpy as np
import pytest

from tests.planted_runs import families_of, link_all, shuffled
from universality.recurrence.families.partition import in_all_runs_fraction, strict_families
from universality.recurrence.families.soft_families import soft_families
from universality.runs.partner_table import Link, stack


def _rows(n_families: int, n_runs: int) -> list[list[int]]:
    """Family f has latent (f + run) mod n in every run, so numbers differ between runs."""
    return [[(f + r) % n_families for r in range(n_runs)] for f in range(n_families)]


def _planted(rows: list[list[int]]) -> set[frozenset[tuple[str, int]]]:
    members = [[(f"run{r}", i) for r, i in enumerate(row) if i >= 0] for row in rows]
    return {frozenset(row) for row in members if len(row) > 1}


def test_whole_families_are_strict() -> None:
    rows = _rows(6, 5)
    matched = link_all(rows, size=8)
    found = strict_families(matched)
    assert families_of(found, matched) == _planted(rows)
    assert in_all_runs_fraction(found, matched) == pytest.approx(6 / 8)


def test_missing_members_do_not_break_a_strict_family() -> None:
    rows = _rows(6, 5)
    rows[0][2], rows[3][0], rows[3][4], rows[5] = -1, -1, -1, [-1, -1, 3, -1, -1]
    matched = link_all(rows, size=6)
    found = strict_families(matched)
    assert families_of(found, matched) == _planted(rows)
    assert in_all_runs_fraction(found, matched) == pytest.approx(3 / 6)


def test_a_run_that_shares_nothing_is_in_no_family() -> None:
    rows = [[*row[:4], -1] for row in _rows(5, 5)]
    matched = link_all(rows, size=5)
    assert families_of(strict_families(matched), matched) == _planted(rows)
    assert (soft_families(matched).family[matched.rows(4)] == -1).all()


def test_an_unmatched_pair_of_runs_does_not_break_families() -> None:
    rows = _rows(4, 5)
    matched = link_all(rows, size=4, skip=[(1, 3)])
    assert families_of(strict_families(matched), matched) == _planted(rows)


def test_without_a_pair_families_of_those_two_runs_alone_are_lost() -> None:
    rows = [[0, 0, 0], [-1, 1, 1]]
    whole, without = link_all(rows, size=2), link_all(rows, size=2, skip=[(1, 2)])
    assert families_of(strict_families(whole), whole) == _planted(rows)
    assert families_of(strict_families(without), without) == _planted(rows[:1])


def test_a_missing_edge_is_healed_by_soft_and_not_by_strict() -> None:
    rows = _rows(3, 4)
    matched = link_all(rows, size=3, changes={(0, 1): {rows[1][0]: (-1, 0.0)}})
    planted = _planted(rows)
    broken = _planted([rows[1]])
    assert families_of(strict_families(matched), matched) == planted - broken
    soft = soft_families(matched)
    assert families_of(soft, matched) == planted
    assert families_of(soft, matched, strict=False) == broken


@pytest.mark.parametrize("similarity", [0.9, None])
def test_a_wrong_pair_is_undone_by_soft_and_not_by_strict(similarity: float | None) -> None:
    rows = _rows(4, 5)
    swapped = {rows[0][1]: (rows[1][3], 0.9), rows[1][1]: (rows[0][3], 0.9)}
    matched = link_all(rows, size=4, changes={(1, 3): swapped}, similarity=similarity)
    planted = _planted(rows)
    broken = _planted(rows[:2])
    assert families_of(strict_families(matched), matched) == planted - broken
    assert families_of(soft_families(matched), matched) == planted


def test_of_two_latents_of_a_run_soft_keeps_the_one_more_runs_agree_on() -> None:
    rows = [[0, 0, 0, 0, 0], [1, 1, 1, 1, 1]]
    changes = {(0, 4): {0: (2, 0.9)}}  # run0 names the other half of a split member
    matched = link_all(rows, size=3, changes=changes)
    soft = soft_families(matched)
    assert families_of(soft, matched) == _planted(rows)


def test_total_similarity_decides_between_two_latents_of_a_run() -> None:
    changes = {(0, 2): {0: (1, 0.75)}, (1, 2): {0: (0, 0.95)}}
    matched = link_all([[0, 0, -1]], size=2, changes=changes)
    assert families_of(soft_families(matched), matched) == {
        frozenset({("run0", 0), ("run1", 0), ("run2", 0)})
    }


@pytest.mark.parametrize("seed", range(5))
def test_the_order_of_runs_and_latents_changes_nothing(seed: int) -> None:
    generator = np.random.default_rng(seed)
    rows = np.stack([generator.permutation(30) for _ in range(6)], axis=1)
    rows[generator.random(rows.shape) < 0.2] = -1
    changes = {}
    for a, b in ((0, 1), (2, 5), (3, 4)):
        free = [row for row in rows.tolist() if row[a] >= 0 and row[b] >= 0]
        changes[a, b] = {
            one[a]: (other[b], float(generator.uniform(0.7, 1)))
            for one, other in zip(free, free[1:] + free[:1], strict=True)
        }
    matched = link_all(rows.tolist(), size=30, changes=changes)
    again, back = shuffled(matched, generator)
    for find in (strict_families, soft_families):
        renumbered = {
            frozenset(back[member] for member in family)
            for family in families_of(find(again), again)
        }
        assert renumbered == families_of(find(matched), matched)


def test_random_assignments_without_similarities_make_no_soft_families() -> None:
    generator = np.random.default_rng(0)
    rows = {p: generator.permutation(2_000) for p in combinations(range(5), 2)}
    links = {p: Link(np.arange(2_000), row.astype(np.int64)) for p, row in rows.items()}
    alive = [np.ones(2_000, dtype=bool)] * 5
    edges = stack([f"run{r}" for r in range(5)], alive, links)
    # A triangle closes by chance for 10 triples x 2,000 latents / 2,000.
    assert soft_families(edges).n_families < 40


def test_soft_families_have_one_latent_per_run_and_come_largest_first() -> None:
    generator = np.random.default_rng(0)
    rows = [[int(generator.permutation(40)[0]) for _ in range(4)] for _ in range(1)]
    changes = {
        (a, b): {
            int(i): (int(j), float(generator.uniform(0.5, 1)))
            for i, j in zip(generator.permutation(40), generator.permutation(40), strict=True)
        }
        for a in range(4)
        for b in range(a + 1, 4)
    }
    matched = link_all(rows, size=40, changes=changes)
    soft = soft_families(matched)
    assert all(len({run for run, _ in f}) == len(f) for f in families_of(soft, matched))
    assert (np.diff(soft.size) <= 0).all()
    assert soft.size.min() >= 2
