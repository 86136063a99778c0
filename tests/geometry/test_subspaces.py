"""Energy in leading spans: closed forms, what does not change it, and its direction in r."""

import pytest
import torch

from universality.geometry.subspaces import energy_inside, span_of
from universality.nulls.rotation import haar, unit_rows

D = 24


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def energies(x, y):
    return energy_inside(span_of(x), span_of(y))


def test_energy_is_the_squared_length_inside_the_leading_axes():
    """The slow way: project every unit row on the leading right singular vectors."""
    x, y = unit_rows(40, D, generator=generator(1)), unit_rows(60, D, generator=generator(2))
    x_in_y, y_in_x = energies(3 * x, y)
    for r in (1, 5, D):
        for rows, other, found in ((x, y, x_in_y), (y, x, y_in_x)):
            axes = torch.linalg.svd(other.double()).Vh[:r]
            slow = (rows.double() @ axes.T).square().sum(dim=1).mean()
            assert float(found[r - 1]) == pytest.approx(float(slow), abs=1e-6)


def test_the_planted_span_is_full_from_its_rank_on_and_energy_never_falls():
    """Rows of both runs in the same three dimensions: 1 from r = 3, where an overlap would fall."""
    basis = haar(D, generator=generator())[:3]
    x, y = (unit_rows(50, 3, generator=generator(s)) @ basis for s in (1, 2))
    for found in energies(x, y):
        assert found[2:].numpy() == pytest.approx(1, abs=1e-6)
        assert bool((found.diff() > -1e-9).all())


def test_rotating_both_changes_nothing_and_swapping_swaps():
    x, y = unit_rows(40, D, generator=generator(1)), unit_rows(60, D, generator=generator(2))
    turn = haar(D, generator=generator(3))
    found, turned, swapped = energies(x, y), energies(x @ turn, y @ turn), energies(y, x)
    for k in (0, 1):
        torch.testing.assert_close(turned[k], found[k], rtol=0, atol=1e-5)
        torch.testing.assert_close(swapped[1 - k], found[k], rtol=0, atol=1e-9)


def test_a_random_rotation_gives_r_over_d_in_the_mean():
    x = span_of(unit_rows(8, 3, generator=generator(1)) @ haar(D, generator=generator(2))[:3])
    both = torch.stack(
        [
            torch.stack(energy_inside(x, x, cosines=haar(D, generator=generator(s))))
            for s in range(400)
        ]
    ).mean(dim=0)
    expected = torch.arange(1, D + 1, dtype=torch.float64) / D
    torch.testing.assert_close(both, expected.expand(2, D), rtol=0, atol=0.03)


def test_orthogonal_spans_share_nothing():
    axes = haar(D, generator=generator())
    found, _ = energies(axes[:4], axes[4:8] * torch.tensor([[4.0], [3.0], [2.0], [1.0]]))
    assert float(found[3]) == pytest.approx(0, abs=1e-6)
