"""The bound holds in draws of the null it bounds, and shared latents are far below it."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from universality.codes import from_batches, rearrange_tokens
from universality.matching import Neighbours
from universality.nulls import coincidence
from universality.nulls.coincidence import activation_p_bounds
from universality.nulls.significance import q_values
from universality.nulls.tokens import permute_windows
from universality.synthetic import draw_tokens, make_truth

N, TOKENS = 40, 6400
DOCUMENTS = np.repeat(np.arange(TOKENS // 64), 64)
PLACE = torch.arange(TOKENS) % 64


def world(seed, *, signed=False):
    """Codes of independent features that fire on 1 to 10 % of the tokens, in short bursts."""
    generator = torch.Generator().manual_seed(seed)
    truth = make_truth(N, 8, generator=generator, mean_l0=1.2, zipf=0.7)
    codes = draw_tokens(truth, TOKENS, generator=generator).codes
    bursts = codes + 0.7 * codes.roll(1, dims=0)
    return bursts * torch.randn(N, generator=generator).sign() if signed else bursts


def locked(seed, place, *, n=20, share=1.0):
    """Latents that fire at one place of documents, or of a share of them, and nowhere else."""
    generator = torch.Generator().manual_seed(seed)
    fires = torch.rand(TOKENS // 64, n, generator=generator) < share
    fires = fires.repeat_interleave(64, dim=0) & (place == PLACE)[:, None]
    return fires * torch.randn(TOKENS, n, generator=generator).abs()


def correlations(x, y):
    found = np.corrcoef(np.concatenate([x.numpy().T, y.numpy().T]))
    return found[: x.shape[1], x.shape[1] :]


def as_codes(x):
    return from_batches([x], x.shape[1])


def near(r, level=None):
    """The nearest by rows, or with a level in its stead."""
    found = r.max(axis=1) if level is None else level
    return Neighbours(r.argmax(axis=1)[:, None], found[:, None])


def bounds(x, y, level=None, **options):
    """Of the latents of x; 1 where the bound says nothing."""
    r = correlations(x, y)
    both = near(r, level), near(r.T)
    found, _ = activation_p_bounds(as_codes(x), as_codes(y), both, DOCUMENTS, **options)
    return np.nan_to_num(found, nan=1.0)


@pytest.mark.parametrize("absolute", [False, True])
def test_the_bound_holds_in_draws_of_the_tokens_null(absolute):
    """Of 100 draws, the share in which the nearest is at least this similar, latent by latent."""
    x, y = world(1, signed=absolute), world(2, signed=absolute)
    x[:, :5], y[:, :5] = locked(5, 20, n=5), locked(6, 20, n=5, share=0.5)
    generator = torch.Generator().manual_seed(0)
    nearest = []
    for _ in range(100):
        rows_a, rows_b = permute_windows(DOCUMENTS, generator=generator)
        drawn = correlations(x[torch.from_numpy(rows_a)], y[torch.from_numpy(rows_b)])
        nearest.append((np.abs(drawn) if absolute else drawn).max(axis=1))
    drawn = np.array(nearest)
    for quantile in (0.5, 0.9, 0.99):
        level = np.quantile(drawn, quantile, axis=0)
        p = bounds(x, y, level, absolute=absolute)
        assert np.all(p >= (drawn >= level).mean(axis=0) - 1e-12)


@pytest.mark.parametrize("place", [0, 1, 15, 16, 20, 33, 47, 63])
def test_latents_locked_to_one_place_are_no_news(place):
    """The same place in both runs, independent strengths: the draws keep the place, so must p."""
    x, y = locked(1, place), locked(2, place)
    assert np.all(bounds(x, y) > 0.05)


@pytest.mark.parametrize("place", [0, 20, 47])
def test_latents_locked_to_one_place_of_the_same_documents_are_found(place):
    """Each fires at the place in three tenths of the documents; ten pairs in the same ones."""
    x, y = locked(1, place, share=0.3), locked(2, place, share=0.3)
    y[:, :10] = x[:, :10]
    found = q_values(bounds(x, y)) <= 0.05
    assert found[:10].all()
    assert not found[10:].any()


def test_shared_features_survive_benjamini_hochberg_and_no_others_do():
    """Half of the latents of b are noisy copies of those of a; the rest are of another world.

    The bound is slackest where pieces of text often coincide: the most frequent may be missed.
    """
    x, y = world(1), world(2)
    noise = torch.randn(x.shape, generator=torch.Generator().manual_seed(3))
    y[:, : N // 2] = (x + 0.2 * x * noise)[:, : N // 2].clamp(min=0)
    p = bounds(x, y)
    found = np.flatnonzero(q_values(p) <= 0.05)
    assert found.max() < N // 2
    assert found.size >= 3 * N // 8
    assert p.min() < 1e-7


@pytest.mark.parametrize("absolute", [False, True])
def test_both_sides_at_once_are_each_side_by_itself(absolute):
    x, y = world(1, signed=absolute), world(2, signed=absolute)[:, : N - 7]
    r = np.abs(correlations(x, y))
    a, b = as_codes(x), as_codes(y)
    both = near(r), near(r.T)
    there = activation_p_bounds(a, b, both, DOCUMENTS, absolute=absolute)
    back = activation_p_bounds(b, a, both[::-1], DOCUMENTS, absolute=absolute)
    np.testing.assert_allclose(there[0], back[1], rtol=1e-3)
    np.testing.assert_allclose(there[1], back[0], rtol=1e-3)


def test_it_is_empty_where_it_says_nothing():
    x = world(1)
    level = np.full(N, 0.5)
    level[:3] = [np.nan, -0.1, 1e-3]
    found = near(correlations(x, world(2)), level)
    p = activation_p_bounds(as_codes(x), as_codes(world(2)), (found, found), DOCUMENTS)[0]
    assert np.isnan(p[:3]).all()
    assert (p[np.isfinite(p)] < 1).all()


def test_silent_and_constant_latents_say_nothing_of_anyone():
    x, y = world(1), world(2)
    y[:, 0], y[:, 1] = 0, 3
    with np.errstate(invalid="ignore", divide="ignore"):
        r = np.nan_to_num(correlations(x, y))
    both = near(r), near(r.T)
    p_a, p_b = activation_p_bounds(as_codes(x), as_codes(y), both, DOCUMENTS)
    assert np.isnan(p_b[:2]).all()
    both = near(r[:, 2:], r.max(axis=1)), near(r[:, 2:].T)
    others = activation_p_bounds(as_codes(x), as_codes(y[:, 2:]), both, DOCUMENTS)
    np.testing.assert_allclose(p_a, others[0], rtol=1e-3)


def test_the_codes_of_a_rearranged_run_give_the_same_answer_in_any_chunks():
    x, y = world(1), world(2)
    r = correlations(x, y)
    both = near(r), near(r.T)
    whole = activation_p_bounds(as_codes(x), as_codes(y), both, DOCUMENTS)
    halves = from_batches([x[:3000], x[3000:]], N)
    again = rearrange_tokens(as_codes(y), np.arange(TOKENS))
    found = activation_p_bounds(halves, again, both, DOCUMENTS)
    np.testing.assert_allclose(found, whole, rtol=1e-3)


def test_any_blocks_give_the_same(monkeypatch):
    x, y = world(1), world(2)
    whole = bounds(x, y)
    monkeypatch.setattr(coincidence, "_BLOCK", 7)
    np.testing.assert_allclose(bounds(x, y), whole, rtol=1e-3)


def test_of_a_sample_of_the_candidates_the_nearest_is_always_one(monkeypatch):
    """The sum comes out within a few times of the whole, whichever candidates are looked at."""
    x, y = world(1), world(2)
    level = 2 * correlations(x, y).max(axis=1)
    whole = bounds(x, y, level)
    monkeypatch.setattr(coincidence, "_MOST_PAIRS", N * N // 2)
    monkeypatch.setattr(coincidence, "_CANDIDATES_AT_LEAST", 1)
    sampled = bounds(x, y, level)
    middling = (whole < 0.5) & (whole > 1e-4)
    assert middling.sum() >= 5
    ratio = sampled[middling] / whole[middling]
    assert ratio.min() > 0.3
    assert 0.5 < np.median(ratio) < 2.5
    assert not np.array_equal(sampled, whole)


def test_single_pairs_have_the_bounds_that_blocks_have():
    x, y = world(1), world(2)
    r = correlations(x, y)
    pairs = coincidence._Pairs(
        as_codes(x), as_codes(y), (near(r), near(r.T)), DOCUMENTS, absolute=False, window=16
    )
    i, j = np.arange(N), np.roll(np.arange(N), 3)
    one_by_one = pairs.alone(i, j)
    for k in (0, 7, 39):
        block = pairs.sums(i[k : k + 1], j[k : k + 1])
        assert one_by_one[0][k] == pytest.approx(block[0][0], rel=1e-3)
        assert one_by_one[1][k] == pytest.approx(block[1][0], rel=1e-3)
