from itertools import combinations

import numpy as np
import pytest
from scipy.stats import binom

from tests.planted_runs import link_all
from universality.errors import InvalidInputError
from universality.recurrence.families.spectrum import (
    fit_only_in_one,
    n_runs_found,
    null_spectrum,
    only_in_one_fractions,
    spectrum_fractions,
    spectrum_of,
)
from universality.runs.partner_table import among

PUBLISHED = np.array([34.8, 7.82, 6.40, 6.00, 5.89, 6.32, 6.85, 8.65, 17.3]) / 100
"""Found in exactly 1, 2, ... 9 of 9 seeds; Paulo & Belrose (2501.16615)."""


def test_the_formula_gives_the_published_series_from_the_published_spectrum() -> None:
    published = [0.5831, 0.4843, 0.4359, 0.4061, 0.3854, 0.3700, 0.3579, 0.3481]
    # The spectrum is printed to three digits, so the series agrees to about as many.
    np.testing.assert_allclose(only_in_one_fractions(PUBLISHED), published, atol=4e-4)


def test_the_formula_is_the_average_over_subsets_of_runs() -> None:
    generator = np.random.default_rng(0)
    rows = np.stack([generator.permutation(40) for _ in range(5)], axis=1)
    rows[generator.random(rows.shape) < 0.4] = -1
    edges = link_all(rows.tolist(), size=40)
    formula = only_in_one_fractions(spectrum_of(edges, 0))
    for n_runs in range(2, 6):
        alone = [
            spectrum_of(among(edges, [0, *others]), 0)[0]
            for others in combinations(range(1, 5), n_runs - 1)
        ]
        assert formula[n_runs - 2] == pytest.approx(np.mean(alone))


def test_the_spectrum_counts_planted_families() -> None:
    rows = [[0, 0, 0], [1, 1, -1], [2, -1, -1], [-1, -1, 2]]
    edges = link_all(rows, size=3)
    np.testing.assert_allclose(spectrum_of(edges, 0), [1 / 3, 1 / 3, 1 / 3])
    np.testing.assert_allclose(spectrum_fractions(edges).sum(), 1)
    assert n_runs_found(edges)[:3].tolist() == [3, 2, 1]


def test_runs_that_miss_a_pair_are_no_base_runs() -> None:
    rows = [[0] * 4, [1, 1, -1, -1]]
    edges = link_all(rows, size=2, skip=[(0, 1)])
    assert edges.complete.tolist() == [2, 3]
    np.testing.assert_allclose(spectrum_fractions(edges), [0.5, 0, 0, 0.5])
    nothing = link_all([[0] * 3], size=1, skip=[(0, 1), (1, 2), (0, 2)])
    assert np.isnan(spectrum_fractions(nothing)).all()


def test_the_null_spectrum_is_binomial() -> None:
    np.testing.assert_allclose(null_spectrum(0.0, 4), [1, 0, 0, 0])
    np.testing.assert_allclose(null_spectrum(0.3, 9), binom.pmf(np.arange(9), 8, 0.3))
    np.testing.assert_allclose(null_spectrum(0.5, 3), [0.25, 0.5, 0.25])


def test_curves_with_different_asymptotes_fit_the_published_series_about_equally_well() -> None:
    fits = fit_only_in_one(only_in_one_fractions(PUBLISHED))
    assert len({fit.form for fit in fits}) == 2
    assert all(fit.rmse < 0.005 for fit in fits)
    assert abs(fits[0].asymptote - fits[1].asymptote) > 0.05


def test_no_curve_is_fitted_to_few_points_or_a_flat_line() -> None:
    assert fit_only_in_one(np.array([0.5, 0.4, 0.3])) == ()
    assert fit_only_in_one(np.full(8, 0.4)) == ()
    assert fit_only_in_one(np.full(8, np.nan)) == ()


def test_one_run_has_no_spectrum() -> None:
    with pytest.raises(InvalidInputError, match="at least two runs"):
        only_in_one_fractions(np.array([1.0]))
