"""The census: against counting over subsets, known formulas, and populations that were planted."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from tests.planted_recurrence import matched_population
from universality.recurrence.census.feature_census import census_summary, census_table
from universality.recurrence.census.incidence import (
    Incidence,
    coverage,
    incidence,
    lower_bound,
    null_incidence,
    richness,
)
from universality.recurrence.families.spectrum import only_in_one_fractions, spectrum_fractions
from universality.runs.partner_table import PartnerTable, among
from universality.synthetic.populations import DrawnRuns, Flaws, draw_population

CLEAN = Flaws()


def _drawn(seed: int, n_features: int = 400, n_runs: int = 5, flaws: Flaws = CLEAN) -> DrawnRuns:
    generator = np.random.default_rng(seed)
    return draw_population(
        generator.beta(0.8, 1, n_features), n_runs, generator=generator, flaws=flaws
    )


def _census(edges: PartnerTable) -> Incidence:
    found = incidence(edges)
    assert found is not None
    return found


def test_without_errors_features_are_counted_without_families() -> None:
    drawn = _drawn(0)
    found = _census(matched_population(drawn))
    runs_of = np.bincount(np.concatenate(drawn.feature), minlength=400)
    assert found.q == pytest.approx(np.bincount(runs_of, minlength=6)[1:])
    assert found.n_latents == pytest.approx(sum(len(one) for one in drawn.feature))


@pytest.mark.parametrize("m", range(1, 6))
def test_rarefaction_is_the_mean_over_subsets_of_the_runs(m: int) -> None:
    drawn = _drawn(1)
    found = _census(matched_population(drawn))
    held = [set(features.tolist()) for features in drawn.feature]
    subsets = list(combinations(range(5), m))
    assert richness(found, m) == pytest.approx(
        np.mean([len(set.union(*(held[run] for run in some))) for some in subsets])
    )


@pytest.mark.parametrize("m", range(1, 5))
def test_coverage_is_the_share_of_another_runs_latents_and_one_minus_only_in_one(m: int) -> None:
    drawn = _drawn(2)
    edges = matched_population(drawn)
    found = _census(edges)
    only = only_in_one_fractions(spectrum_fractions(edges))
    # Latents of all runs count together in the census, runs alike in `only_in_one`.
    assert coverage(found, m) == pytest.approx(1 - only[m - 1], abs=0.01)
    held = [set(features.tolist()) for features in drawn.feature]
    seen = total = 0
    for some in combinations(range(5), m):
        union = set.union(*(held[run] for run in some))
        for run in set(range(5)) - set(some):
            seen += len(held[run] & union)
            total += len(held[run])
    assert coverage(found, m) == pytest.approx(seen / total, abs=0.01)


def test_beyond_the_runs_both_curves_go_on_without_a_step_and_end_at_their_limits() -> None:
    found = _census(matched_population(_drawn(3)))
    rising = [coverage(found, m) for m in range(12)]
    assert (np.diff(rising) > 0).all()
    assert coverage(found, 10_000) == pytest.approx(1)
    assert richness(found, 10_000) == pytest.approx(lower_bound(found))
    assert richness(found, 5) == pytest.approx(found.n_seen)


def test_the_bound_is_chaos() -> None:
    found = Incidence(np.array([30.0, 10.0, 5.0]))
    assert lower_bound(found) == pytest.approx(45 + 2 / 3 * 30**2 / 20)
    none_in_two = Incidence(np.array([30.0, 0.0, 5.0]))
    assert lower_bound(none_in_two) == pytest.approx(35 + 2 / 3 * 30 * 29 / 2)


def test_without_errors_the_bound_lies_between_what_was_seen_and_what_there_is() -> None:
    seen, bound, true = [], [], []
    for seed in range(50):
        generator = np.random.default_rng(seed)
        chances = generator.beta(0.8, 1.5, 500)
        drawn = draw_population(chances, 5, generator=generator)
        found = _census(matched_population(drawn))
        seen.append(found.n_seen)
        bound.append(lower_bound(found))
        true.append(len(chances))
    for low, high in ((seen, bound), (bound, true)):
        gap = np.array(high) - np.array(low)
        assert gap.mean() > -3 * gap.std(ddof=1) / np.sqrt(50)
    assert np.mean(bound) > np.mean(seen) + 10


def test_coverage_of_the_next_run_is_what_it_turns_out_to_be() -> None:
    gaps = []
    for seed in range(50):
        drawn = _drawn(seed, n_runs=6)
        held = [set(features.tolist()) for features in drawn.feature]
        union = set.union(*held[:5])
        truth = len(held[5] & union) / len(held[5])
        gaps.append(coverage(_census(matched_population(drawn, 5)), 5) - truth)
    assert abs(np.mean(gaps)) < 3 * np.std(gaps, ddof=1) / np.sqrt(50)


@pytest.mark.parametrize(
    "flaws", [Flaws(missed=0.3), Flaws(split=0.2), Flaws(unrelated=100)], ids=str
)
def test_errors_of_matching_push_the_bound_above_what_there_is(flaws: Flaws) -> None:
    clean = [lower_bound(_census(matched_population(_drawn(seed)))) for seed in range(5)]
    flawed = [
        lower_bound(_census(matched_population(_drawn(seed, flaws=flaws)))) for seed in range(5)
    ]
    assert np.mean(flawed) > 1.1 * np.mean(clean)


def test_unrelated_runs_have_a_feature_for_every_latent() -> None:
    edges = matched_population(_drawn(0))
    null = null_incidence(edges, 0.0)
    assert null.q1 == pytest.approx(null.n_latents)
    assert coverage(null, 5) == pytest.approx(0)


def test_the_table_has_intervals_by_runs_and_the_null_beside() -> None:
    edges = matched_population(_drawn(0))
    table = census_table(edges, 0.01)
    assert table["n_runs"].tolist() == list(range(1, 11))
    assert table["coverage_estimated"].tolist() == [False] * 4 + [True] * 6
    assert table["features_estimated"].tolist() == [False] * 5 + [True] * 5
    assert (table["coverage_low"] <= table["coverage"]).all()
    assert (table["features"] <= table["features_high"]).all()
    assert (table["null_coverage"] < table["coverage"]).all()
    two = census_table(among(edges, [0, 1]), None)
    assert two["coverage_low"].isna().all()
    assert two["null_coverage"].isna().all()


def test_the_summary_says_the_same() -> None:
    edges = matched_population(_drawn(0))
    found = census_summary(edges, 0.01)
    assert found["features_seen"] < found["features_at_least"]
    low, high = found["features_at_least_interval"]
    assert low < found["features_at_least"] < high
    assert found["null"]["features_at_least"] > found["features_at_least"]
    assert census_summary(among(edges, [0, 1]), None)["features_at_least_interval"] is None
