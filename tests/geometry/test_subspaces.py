"""Planted subspaces found, independent remainders left at chance."""

import pytest
import torch

from universality.errors import InvalidInputError
from universality.geometry.subspaces import subspace_agreement
from universality.nulls.rotation import haar, unit_rows

D = 64


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def runs(shared, rest_a, rest_b):
    """Two runs with the same first rows, and which rows of each are unmatched."""
    left = [torch.arange(shared.shape[0] + r.shape[0]) >= shared.shape[0] for r in (rest_a, rest_b)]
    return torch.cat([shared, rest_a]), torch.cat([shared, rest_b]), (left[0], left[1])


def test_independent_rows_in_a_planted_subspace_agree_though_no_two_match():
    """Remainders of 200 random rows each in the same eight dimensions, plus a little noise."""
    basis = haar(D, generator=generator())[:8]
    rest = [
        unit_rows(200, 8, generator=generator(s)) @ basis
        + 0.1 * unit_rows(200, D, generator=generator(s + 5))
        for s in (1, 2)
    ]
    a, b, left = runs(unit_rows(200, D, generator=generator(9)), *rest)
    found = subspace_agreement(a, b, left, r=8, generator=generator())
    assert found.overlap > 0.98
    assert found.overlap > found.null_overlap_mean + 4 * found.null_overlap_sd


def test_independent_remainders_overlap_as_independent_subspaces_do():
    """The mean squared cosine of two random r-dimensional subspaces of d dimensions is r / d."""
    overlaps = []
    for s in range(20):
        rest = [unit_rows(100, D, generator=generator(3 * s + k)) for k in (0, 1)]
        a, b, left = runs(unit_rows(10, D, generator=generator(3 * s + 2)), *rest)
        found = subspace_agreement(a, b, left, r=8, generator=generator(), n_draws=2)
        overlaps.append(found.overlap)
    assert found.chance == 8 / D
    assert sum(overlaps) / 20 == pytest.approx(8 / D, abs=0.012)


def test_rotating_both_runs_changes_nothing():
    rest = [unit_rows(100, D, generator=generator(s)) for s in (1, 2)]
    a, b, left = runs(unit_rows(50, D, generator=generator(3)), *rest)
    turn = haar(D, generator=generator(4))
    before = subspace_agreement(a, b, left, generator=generator())
    after = subspace_agreement(3 * a @ turn, b @ turn, left, generator=generator())
    assert before.r == D // 4
    torch.testing.assert_close(after.cosines, before.cosines, rtol=0, atol=1e-3)


def test_the_same_remainder_spans_itself():
    a = unit_rows(100, D, generator=generator(1))
    everything = torch.ones(100, dtype=torch.bool)
    found = subspace_agreement(a, a, (everything, everything), generator=generator())
    assert found.overlap == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize(("r", "message"), [(17, "r must lie in 1 ... d/4=16"), (12, "found 9")])
def test_subspaces_that_say_nothing_are_refused(r, message):
    a = unit_rows(100, D, generator=generator(1))
    few = torch.arange(100) < 9
    with pytest.raises(InvalidInputError, match=message):
        subspace_agreement(a, a, (few, few), r=r, generator=generator())
