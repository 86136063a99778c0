"""Planted groups are found where no latents match, independent blocks are not."""

import numpy as np
import pytest
import torch
from torch.nn.functional import normalize

from universality.errors import InvalidInputError
from universality.nulls.group_chance import groups_beside_chance
from universality.nulls.rotation import haar, unit_rows

N, D = 80, 64


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def independent(seed):
    return [unit_rows(N, D, generator=generator(2 * seed + k)) for k in (0, 1)]


def axes():
    return haar(D, generator=generator(77))


def third_turn():
    """Three axes, each at cosine 2/3, -1/3 and 2/3 to the three: no two reach .7."""
    return torch.tensor([[2.0, -1.0, 2.0], [2.0, 2.0, -1.0], [-1.0, 2.0, 2.0]]) / 3


def planted(kind):
    """Two runs with a group among independent latents: its latents of a and of b."""
    a, b = independent(5)
    basis = axes()[:3]
    match kind:
        case "rotated":
            a[:3], b[10:13] = basis, third_turn() @ basis
            return a, b, [0, 1, 2], [10, 11, 12]
        case "split":
            a[:3], b[10] = basis, basis.sum(dim=0) / 3**0.5
            return a, b, [0, 1, 2], [10]
        case "merged":
            a[0], b[10:13] = basis.sum(dim=0) / 3**0.5, basis
            return a, b, [0], [10, 11, 12]
        case "absorbed":
            a[:2], b[10] = basis[:2], basis[1]
            b[11] = normalize(basis[0] + 1.5 * basis[1], dim=0)
            return a, b, [0], [11]
        case _:
            raise AssertionError(kind)


@pytest.mark.parametrize("kind", ["rotated", "split", "merged", "absorbed"])
def test_planted_groups_agree_exactly_and_are_above_every_draw(kind):
    """Exact plants: cosine 1. In the absorbed case the latent that both have is given."""
    a, b, of_a, of_b = planted(kind)
    found = groups_beside_chance(a, b, n_draws=19)
    best = found.groups[0]
    assert (best.a.tolist(), best.b.tolist()) == (of_a, of_b)
    assert best.cosine == pytest.approx(1, abs=1e-5)
    assert found.p[0] == 1 / 20
    assert found.found() == [best]
    assert best.pairs[0].tolist() == ([1] if kind == "absorbed" else [])
    smaller = best.reach_a if len(of_a) <= len(of_b) else best.reach_b
    assert smaller == pytest.approx(1, abs=1e-5)


def test_the_parts_of_a_split_do_not_each_lie_in_the_other_run():
    a, b, _, _ = planted("split")
    best = groups_beside_chance(a, b, n_draws=2).groups[0]
    assert best.reach_a == pytest.approx(1 / 3**0.5, abs=1e-5)


def test_independent_runs_have_no_group_that_agrees():
    found = [groups_beside_chance(*independent(seed), n_draws=19, seed=seed) for seed in range(6)]
    assert sum(len(one.found()) for one in found) == 0
    assert np.mean([one.p[0] for one in found]) > 0.2


def test_latents_that_match_are_no_group():
    a, _ = independent(3)
    order = torch.randperm(N, generator=generator(1))
    assert groups_beside_chance(a, a[order], n_draws=2).groups == ()


def test_swapping_the_runs_swaps_the_groups_and_rotating_both_changes_nothing():
    a, b, of_a, of_b = planted("merged")
    swapped = groups_beside_chance(b, a, n_draws=2).groups[0]
    assert (swapped.a.tolist(), swapped.b.tolist()) == (of_b, of_a)
    turn = haar(D, generator=generator(8))
    turned = groups_beside_chance(3 * a @ turn, b @ turn, n_draws=2).groups[0]
    assert (turned.a.tolist(), turned.b.tolist()) == (of_a, of_b)


def test_no_latent_is_in_two_groups():
    groups = groups_beside_chance(*independent(1), n_draws=2).groups
    for side in ("a", "b"):
        latents = np.concatenate([getattr(group, side) for group in groups])
        assert len(np.unique(latents)) == len(latents)


@pytest.mark.parametrize(("n_a", "n_b"), [(1, 1), (1, 5), (3, 2)])
def test_runs_of_few_latents_are_no_trouble(n_a, n_b):
    a, b = unit_rows(n_a, D, generator=generator(1)), unit_rows(n_b, D, generator=generator(2))
    found = groups_beside_chance(a, b, n_draws=2)
    assert len(found.p) == len(found.groups)


def test_an_unknown_null_is_refused():
    with pytest.raises(InvalidInputError, match="unknown null"):
        groups_beside_chance(*independent(1), null="magic")
