from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import t as student

from universality.recurrence.certainty.intervals import interval_note
from universality.recurrence.certainty.jackknife import find_outlier, jackknife, jackknife_mean


def _pairs(n_runs: int, generator: np.random.Generator, *, of_runs: float, of_pairs: float):
    effect = of_runs * generator.standard_normal(n_runs)
    pairs = list(combinations(range(n_runs), 2))
    noise = of_pairs * generator.standard_normal(len(pairs))
    value = [0.6 + effect[a] + effect[b] + e for (a, b), e in zip(pairs, noise, strict=True)]
    return pd.DataFrame(pairs, columns=["a", "b"]).assign(value=value)


def test_for_a_mean_over_runs_it_is_the_textbook_interval() -> None:
    values = np.random.default_rng(0).standard_normal(7)
    found = jackknife(lambda runs: np.array([values[list(runs)].mean()]), 7)[0]
    assert found is not None
    error = values.std(ddof=1) / np.sqrt(7)
    assert found.standard_error == pytest.approx(error)
    reach = student.ppf(0.975, 6) * error
    assert (found.low, found.high) == pytest.approx((values.mean() - reach, values.mean() + reach))


@pytest.mark.parametrize("n_runs", [3, 5, 9])
def test_it_covers_where_runs_differ_and_the_interval_over_pairs_does_not(n_runs: int) -> None:
    generator = np.random.default_rng(n_runs)
    pairs, n_trials = np.array(list(combinations(range(n_runs), 2))), 2_000
    effect = 0.05 * generator.standard_normal((n_trials, n_runs))
    noise = 0.005 * generator.standard_normal((n_trials, len(pairs)))
    values = 0.6 + effect[:, pairs].sum(axis=2) + noise

    def means(runs) -> np.ndarray:
        return values[:, np.isin(pairs, runs).all(axis=1)].mean(axis=1)

    found = jackknife(means, n_runs)
    assert None not in found
    assert np.mean([one.low <= 0.6 <= one.high for one in found]) >= 0.94
    reach = student.ppf(0.975, len(pairs) - 1) * values.std(axis=1, ddof=1) / len(pairs) ** 0.5
    assert np.mean(np.abs(values.mean(axis=1) - 0.6) <= reach) < 0.85


@pytest.mark.parametrize("n_runs", [3, 4, 9])
def test_where_runs_explain_their_pairs_the_error_is_that_of_the_mean_over_runs(n_runs) -> None:
    effect = np.random.default_rng(n_runs).standard_normal(n_runs)
    pairs = list(combinations(range(n_runs), 2))
    table = pd.DataFrame(pairs, columns=["a", "b"])
    table["value"] = [effect[a] + effect[b] for a, b in pairs]
    interval = jackknife_mean(table, n_runs)
    assert interval is not None
    assert interval.estimate == pytest.approx(2 * effect.mean())
    assert interval.standard_error == pytest.approx(2 * effect.std(ddof=1) / np.sqrt(n_runs))


def test_three_runs_have_wide_intervals_of_pairs_and_none_of_triples() -> None:
    assert "+- 4.30 standard errors" in interval_note(3)
    assert "triples have none" in interval_note(3)
    assert "+- 2.31 standard errors" in interval_note(9)
    assert "needs at least 3, got 2" in interval_note(2)


def test_no_interval_where_the_statistic_needs_every_run() -> None:
    table = pd.DataFrame({"a": [0], "b": [1], "c": [2], "value": [0.5]})
    assert jackknife_mean(table, 3) is None


def test_a_run_that_stands_out_is_named() -> None:
    generator = np.random.default_rng(0)
    table = _pairs(9, generator, of_runs=0, of_pairs=0.01)
    table.loc[(table[["a", "b"]] == 4).any(axis=1), "value"] += 0.05
    found = find_outlier(table, 9, generator=generator, n_permutations=999)
    assert found is not None
    assert (found.run, found.p_value) == (4, 0.001)
    assert found.difference == pytest.approx(0.05, abs=0.01)


def test_its_p_value_is_valid_when_no_run_stands_out() -> None:
    generator = np.random.default_rng(1)
    p_values = []
    for _ in range(200):
        table = _pairs(6, generator, of_runs=0, of_pairs=0.01)
        found = find_outlier(table, 6, generator=generator, n_permutations=99)
        assert found is not None
        p_values.append(found.p_value)
    assert np.mean(np.array(p_values) <= 0.1) < 0.1 + 3 * np.sqrt(0.09 / 200)
    assert find_outlier(table, 3, generator=generator) is None
