"""Intervals over documents, against NumPy and against what they promise."""

import numpy as np
import pytest

from universality.codes import from_batches
from universality.errors import InvalidInputError
from universality.evidence.document_interval import PairSums, mean_correlation, pair_sums


def codes(seed, n_pairs=6, n_tokens=900, noise=0.4):
    rng = np.random.default_rng(seed)
    a = np.maximum(rng.normal(size=(n_pairs, n_tokens)) - 1, 0)
    b = np.maximum(a + noise * rng.normal(size=a.shape), 0)
    return a, b


def sums(a, b, document):
    every = np.arange(len(a))
    as_codes = (from_batches([x.T], len(x)) for x in (a, b))
    return pair_sums(*as_codes, document, pairs=(every, every))


def test_the_estimate_is_numpys_correlation_over_all_tokens():
    a, b = codes(0)
    document = np.repeat(np.arange(30), 30)
    found = mean_correlation(sums(a, b, document))
    expected = np.mean([np.corrcoef(x, y)[0, 1] for x, y in zip(a, b, strict=True)])
    assert found.estimate == pytest.approx(expected, abs=1e-6)
    assert found.n_documents == 30
    assert found.low < expected < found.high


def test_leaving_out_a_document_is_exact():
    """The jackknife by hand: correlations of the tokens that remain."""
    a, b = codes(1, n_pairs=1, n_tokens=60)
    document = np.repeat([3, 1, 2], [10, 20, 30])
    found = mean_correlation(sums(a, b, document))
    without = np.array(
        [np.corrcoef(a[0, document != d], b[0, document != d])[0, 1] for d in (1, 2, 3)]
    )
    centre = 3 * found.estimate - 2 * without.mean()
    error = np.sqrt(2 / 3 * np.square(without - without.mean()).sum())
    assert (found.low + found.high) / 2 == pytest.approx(centre, abs=1e-6)
    assert found.high - found.low == pytest.approx(2 * 4.302653 * error, rel=1e-5)


def test_coverage_where_documents_differ():
    """Tokens of a document share a topic, so they count for less than independent ones would.

    Of 300 intervals at 95 %, all but 15 +- 4 cover; a band of four standard errors.
    """
    rng = np.random.default_rng(0)

    def draw(n):
        topic = rng.normal(size=(n, 1, 4))
        x = topic + rng.normal(size=(n, 20, 4))
        y = 0.5 * topic + 0.5 * x + rng.normal(size=x.shape)
        moments = (x, y, x * x, y * y, x * y)
        return PairSums(np.full(n, 20.0), *(moment.sum(axis=1) for moment in moments))

    target = mean_correlation(draw(20_000)).estimate
    intervals = [mean_correlation(draw(50)) for _ in range(300)]
    covered = np.mean([interval.low <= target <= interval.high for interval in intervals])
    assert abs(covered - 0.95) < 4 * np.sqrt(0.95 * 0.05 / 300)


def test_silent_latents_are_left_out_and_too_little_is_refused():
    a, b = codes(2)
    a[0] = 0
    document = np.repeat(np.arange(30), 30)
    found = mean_correlation(sums(a, b, document))
    rest = mean_correlation(sums(a[1:], b[1:], document))
    assert found == rest
    with pytest.raises(InvalidInputError, match="at least two, found 1"):
        mean_correlation(sums(a, b, 0 * document))
    with pytest.raises(InvalidInputError, match="no pair has two latents that fire"):
        mean_correlation(sums(0 * a, b, document))


def test_pairs_are_taken_by_number_and_many_documents_are_grouped():
    a, b = codes(3, n_pairs=4, n_tokens=1200)
    document = np.arange(1200) // 3
    order = np.array([2, 0, 3, 1])
    shuffled = from_batches([b[order].T], 4)
    straight = from_batches([a.T], 4)
    found = pair_sums(straight, shuffled, document, pairs=(order, np.arange(4)))
    assert found.n_tokens.tolist() == [6.0] * 200
    assert mean_correlation(found) == mean_correlation(sums(a[order], b[order], document))
