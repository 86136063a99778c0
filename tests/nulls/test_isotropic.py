"""Closed forms against published values, elementary integrals, and draws."""

import math

import numpy as np
import pytest
import torch

from universality.errors import InvalidInputError
from universality.nulls.isotropic import exceedance, mean_of_maximum, p_value, upper_tail
from universality.nulls.rotation import unit_rows


@pytest.mark.parametrize(
    ("d", "n", "signed", "absolute"),
    [
        (64, 256, 0.3458, 0.3706),
        (128, 1024, 0.2827, 0.2988),
        (512, 2048, 0.1514, 0.1594),
        (768, 4096, 0.1304, 0.1367),
    ],
)
def test_published_greedy_nulls_to_the_fourth_decimal(d, n, signed, absolute):
    assert mean_of_maximum(d, n) == pytest.approx(signed, abs=1e-4)
    assert mean_of_maximum(d, n, absolute=True) == pytest.approx(absolute, abs=1e-4)


def test_unequal_widths_are_asymmetric_under_the_null():
    assert mean_of_maximum(512, 4096) == pytest.approx(0.160, abs=1e-3)
    assert mean_of_maximum(512, 512) == pytest.approx(0.134, abs=1e-3)


@pytest.mark.parametrize("n", [1, 2, 7, 1000])
def test_three_dimensions_give_the_maximum_of_uniforms(n):
    """By Archimedes the cosine is uniform on [-1, 1] and its size uniform on [0, 1]."""
    assert mean_of_maximum(3, n) == pytest.approx(2 * n / (n + 1) - 1, abs=1e-12)
    assert mean_of_maximum(3, n, absolute=True) == pytest.approx(n / (n + 1), abs=1e-12)


def test_the_circle_at_a_million_gives_the_nearest_of_uniform_angles():
    """The smallest of n uniform angles on [0, pi] has mean square 2 pi^2 / ((n+1)(n+2))."""
    n = 10**6
    expected = -(math.pi**2) / ((n + 1) * (n + 2))
    assert mean_of_maximum(2, n) - 1 == pytest.approx(expected, rel=1e-3)


def test_high_dimension_approaches_the_gaussian_maximum():
    """sqrt(d) times the cosine tends to a standard normal; E max of two of them is 1/sqrt(pi)."""
    d = 10**5
    assert math.sqrt(d) * mean_of_maximum(d, 2) == pytest.approx(1 / math.sqrt(math.pi), rel=1e-5)


@pytest.mark.parametrize("absolute", [False, True])
@pytest.mark.parametrize(("d", "n_a", "n_b"), [(16, 32, 32), (64, 1024, 128), (512, 64, 1024)])
def test_closed_form_is_the_mean_of_draws(d, n_a, n_b, absolute):
    generator = torch.Generator().manual_seed(0)
    maxima = []
    for _ in range(40):
        a, b = (unit_rows(n, d, generator=generator) for n in (n_a, n_b))
        cosines = a @ b.T
        maxima.append((cosines.abs() if absolute else cosines).max(dim=1).values.mean().item())
    error = np.std(maxima, ddof=1) / math.sqrt(len(maxima))
    assert error < 0.004
    assert abs(np.mean(maxima) - mean_of_maximum(d, n_b, absolute=absolute)) < 3 * error


@pytest.mark.parametrize("absolute", [False, True])
def test_mean_is_the_integral_of_the_exceedance(absolute):
    grid = np.linspace(-1, 1, 200_001)
    integral = np.trapezoid(exceedance(grid, 24, 100, absolute=absolute), grid)
    assert integral - 1 == pytest.approx(mean_of_maximum(24, 100, absolute=absolute), abs=1e-9)


def test_far_tail_keeps_its_relative_accuracy():
    """In five dimensions the density of the cosine is 3/4 (1 - s^2): the tail is elementary."""
    s = 1 - np.array([1e-3, 1e-5])
    expected = (1 - s) ** 2 * (2 + s) / 4
    np.testing.assert_allclose(upper_tail(s, 5), expected, rtol=1e-9)
    np.testing.assert_allclose(p_value(s, 5, 100), 1 - (1 - expected) ** 100, rtol=1e-6)
    assert 0 < p_value(0.9, 576, 2304) < 1e-200


def test_ends_of_the_range():
    assert p_value(1.0, 10, 5) == 0
    assert p_value(1 + 1e-9, 10, 5) == 0
    assert p_value(-1.0, 10, 5) == 1
    assert p_value(0.0, 10, 5, absolute=True) == 1
    assert np.isnan(p_value(np.nan, 10, 5))


@pytest.mark.parametrize(("d", "n"), [(1, 5), (4, 0)])
def test_too_small_is_refused(d, n):
    with pytest.raises(InvalidInputError, match=f"d >= 2 .* got d={d}, n={n}"):
        mean_of_maximum(d, n)


def test_no_p_value_is_minus_zero():
    assert not np.signbit(p_value(np.array([1.0, 0.99]), 576, 2304)).any()
