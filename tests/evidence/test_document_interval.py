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


def test_the_raw_value_is_numpys_correlation_over_all_tokens():
    a, b = codes(0)
    document = np.repeat(np.arange(30), 30)
    found = mean_correlation(sums(a, b, document))
    expected = np.mean([np.corrcoef(x, y)[0, 1] for x, y in zip(a, b, strict=True)])
    assert found.raw == pytest.approx(expected, abs=1e-6)
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
    freed = 3 * found.raw - 2 * without.mean()
    reach = 4.302653 * np.sqrt(2 / 3 * np.square(without - without.mean()).sum())
    assert found.estimate == pytest.approx(freed, abs=1e-6)
    assert found.low == pytest.approx(min(found.raw, freed) - reach, rel=1e-5)
    assert found.high == pytest.approx(max(found.raw, freed) + reach, rel=1e-5)


def test_coverage_where_documents_differ():
    """Tokens of a document share a topic, so they count for less than independent ones would.

    Of 300 intervals at 95 %, at most 15 +- 4 may miss; a band of four standard errors.
    """
    rng = np.random.default_rng(0)

    def draw(n):
        topic = rng.normal(size=(n, 1, 4))
        x = topic + rng.normal(size=(n, 20, 4))
        y = 0.5 * topic + 0.5 * x + rng.normal(size=x.shape)
        moments = (x, y, x * x, y * y, x * y)
        return PairSums(np.full(n, 20.0), *(moment.sum(axis=1) for moment in moments))

    target = mean_correlation(draw(20_000)).raw
    intervals = [mean_correlation(draw(50)) for _ in range(300)]
    covered = np.mean([interval.low <= target <= interval.high for interval in intervals])
    assert covered > 0.95 - 4 * np.sqrt(0.95 * 0.05 / 300)


@pytest.mark.parametrize("n_documents", [20, 31, 63])
def test_rare_latents_and_documents_of_any_length(n_documents):
    """Rates fall as Zipf's law has them; the interval holds its estimate, and what is true."""
    rng = np.random.default_rng(n_documents)
    n, n_pairs = 1500, 60
    lengths = (80 * np.exp(0.8 * rng.standard_normal(n))).clip(8, 800).astype(int)
    document = np.repeat(np.arange(n), lengths)
    moments = np.zeros((5, n, n_pairs))
    for pair in range(n_pairs):
        rate = 0.05 / (pair + 1) * rng.lognormal(size=n)
        fires = rng.random(document.size) < rate.clip(0, 0.5)[document]
        x = fires * rng.exponential(size=document.size)
        y = x * (rng.random(document.size) < 0.8)
        for k, moment in enumerate((x, y, x * x, y * y, x * y)):
            moments[k, :, pair] = np.bincount(document, moment, minlength=n)
    target = mean_correlation(PairSums(lengths.astype(float), *moments)).raw
    covered = []
    for _ in range(200):
        chosen = rng.integers(0, n, n_documents)
        found = mean_correlation(PairSums(lengths[chosen].astype(float), *moments[:, chosen]))
        assert found.low <= found.raw <= found.high
        assert found.low <= found.estimate <= found.high
        covered.append(found.low <= target <= found.high)
    assert np.mean(covered) > 0.9 - 2 * np.sqrt(0.09 / 200)


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
