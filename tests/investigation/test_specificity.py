"""Histograms, intervals, quantiles and scores: counts add up, and numpy and scikit-learn agree."""

from __future__ import annotations

import numpy as np
import pytest

from universality.evidence.trace import FiringTrace
from universality.investigation.partner_scores import auroc, average_precision
from universality.investigation.sensitivity import missed_tokens, proxy_scores
from universality.investigation.specificity import (
    N_GROUPS,
    Scored,
    activation_histogram,
    group_scores,
    group_table,
    groups_of,
    ratio_histogram,
)

N = 1_000


def _trace(n: int = 300, *, seed: int = 0, signed: bool = False) -> FiringTrace:
    generator = np.random.default_rng(seed)
    values = generator.exponential(size=n)
    if signed:
        values = values * generator.choice([-1, 1], size=n)
    return FiringTrace(np.sort(generator.choice(N, n, replace=False)), values)


def _scored(seed: int = 1) -> Scored:
    return Scored("p", np.random.default_rng(seed).normal(size=N))


@pytest.mark.parametrize("signed", [False, True])
def test_every_firing_is_in_one_bin_and_one_group_of_each_rule(signed: bool) -> None:
    trace = _trace(signed=signed)
    histogram = activation_histogram(trace, n_tokens=N)
    assert histogram["count"].sum() == 300
    assert histogram["density"].sum() == pytest.approx(0.3)
    assert histogram["weight"].sum() == pytest.approx(trace.values.sum())
    table = group_table(trace)
    assert table.groupby("rule")["n_firings"].sum().tolist() == [300, 300]
    assert table.groupby("rule")["share"].sum().tolist() == pytest.approx([1, 1])
    assert table.loc[table["rule"] == "quantile", "n_firings"].tolist() == [30] * N_GROUPS


def test_intervals_have_equal_width_and_hold_what_lies_in_them() -> None:
    trace = _trace()
    table = group_table(trace).query("rule == 'interval'")
    widths = table["high"] - table["low"]
    assert widths.to_numpy() == pytest.approx(trace.values.max() / N_GROUPS)
    group = groups_of(trace)["interval"]
    for number, low, high in table[["group", "low", "high"]].to_numpy():
        inside = trace.values[group == number]
        assert ((inside > low) & (inside <= high + 1e-12)).all()


def test_quantiles_ascend() -> None:
    table = group_table(_trace()).query("rule == 'quantile'")
    assert (table["high"].to_numpy()[:-1] <= table["low"].to_numpy()[1:]).all()


def test_a_single_firing_has_a_bin_and_two_groups() -> None:
    trace = FiringTrace(np.array([4]), np.array([2.5]))
    assert activation_histogram(trace, n_tokens=10)["count"].tolist()[-1] == 1
    table = group_table(trace)
    assert table.groupby("rule")["n_firings"].sum().tolist() == [1, 1]


def test_no_firing_has_empty_bins() -> None:
    trace = FiringTrace(np.array([], dtype=np.int64), np.array([]))
    assert activation_histogram(trace, n_tokens=10)["count"].sum() == 0
    assert group_table(trace)["share"].sum() == 0


def test_colours_split_the_bins() -> None:
    trace, scored = _trace(), _scored()
    split = ratio_histogram(trace, scored).groupby("bin")["count"].sum()
    assert split.tolist() == activation_histogram(trace, n_tokens=N)["count"].tolist()


def test_the_arithmetic_of_precision_and_recall() -> None:
    trace, scored = _trace(), _scored()
    found = proxy_scores(trace, scored)
    assert found["precision"] * found["density"] == pytest.approx(
        found["recall"] * found["base_rate"]
    )
    groups = group_scores(trace, scored)
    assert groups.groupby("rule")["recall"].sum().tolist() == pytest.approx([found["recall"]] * 2)
    sizes = group_table(trace).set_index(["rule", "group"])["share"]
    precision = groups.set_index(["rule", "group"])["precision"].fillna(0)
    for rule in ("interval", "quantile"):
        assert (precision[rule] * sizes[rule]).sum() == pytest.approx(found["precision"])


def test_the_correlation_is_numpys() -> None:
    trace, scored = _trace(), _scored()
    values = np.zeros(N)
    values[trace.tokens] = trace.values
    expected = np.corrcoef(values, scored.positive)[0, 1]
    assert proxy_scores(trace, scored)["correlation"] == pytest.approx(expected)


def test_missed_tokens_are_the_proxys_and_silent() -> None:
    trace, scored = _trace(), _scored()
    missed = missed_tokens(trace, scored, n=5, generator=np.random.default_rng(0))
    assert len(set(missed.tolist())) == 5
    assert scored.positive[missed].all()
    assert not np.isin(missed, trace.tokens).any()


def test_scores_of_detection_by_hand() -> None:
    positive = np.array([True, False, True, False])
    score = np.array([3.0, 2.0, 1.0, 0.0])
    assert auroc(positive, score) == pytest.approx(0.75)
    assert average_precision(positive, score) == pytest.approx((1 + 2 / 3) / 2)


def test_scores_of_detection_by_search_over_pairs_with_ties() -> None:
    generator = np.random.default_rng(0)
    positive = generator.random(80) < 0.3
    score = generator.integers(0, 5, size=80).astype(float)
    pairs = [(p > q) + (p == q) / 2 for p in score[positive] for q in score[~positive]]
    assert auroc(positive, score) == pytest.approx(np.mean(pairs))
    levels = np.unique(score)[::-1]
    recall = [0.0] + [(score[positive] >= level).mean() for level in levels]
    precision = [positive[score >= level].mean() for level in levels]
    steps = np.diff(recall)
    assert average_precision(positive, score) == pytest.approx(float((steps * precision).sum()))


def test_chance_scores_a_half() -> None:
    positive = np.arange(100) % 4 == 0
    assert auroc(positive, np.zeros(100)) == pytest.approx(0.5)
    assert average_precision(positive, np.zeros(100)) == pytest.approx(0.25)
    assert np.isnan(auroc(np.zeros(3, dtype=bool), np.zeros(3)))
