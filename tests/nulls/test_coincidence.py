"""The bound holds in draws of the null it bounds, and shared latents are far below it."""

import numpy as np
import pytest
import torch

from universality.codes import from_batches, rearrange_tokens
from universality.nulls.coincidence import activation_p_values
from universality.nulls.significance import q_values
from universality.nulls.tokens import permute_windows
from universality.synthetic import draw_tokens, make_truth

N, TOKENS = 40, 6400
DOCUMENTS = np.repeat(np.arange(TOKENS // 64), 64)


def world(seed, *, signed=False):
    """Codes of independent features that fire on 1 to 10 % of the tokens, in short bursts."""
    generator = torch.Generator().manual_seed(seed)
    truth = make_truth(N, 8, generator=generator, mean_l0=1.2, zipf=0.7)
    codes = draw_tokens(truth, TOKENS, generator=generator).codes
    bursts = codes + 0.7 * codes.roll(1, dims=0)
    return bursts * torch.randn(N, generator=generator).sign() if signed else bursts


def correlations(x, y):
    found = np.corrcoef(np.concatenate([x.numpy().T, y.numpy().T]))
    return found[: x.shape[1], x.shape[1] :]


def as_codes(x):
    return from_batches([x], x.shape[1])


@pytest.mark.parametrize("absolute", [False, True])
def test_the_bound_holds_in_draws_of_the_tokens_null(absolute):
    """Of 100 draws, the share in which the nearest is at least this similar, latent by latent."""
    x, y = world(1, signed=absolute), world(2, signed=absolute)
    generator = torch.Generator().manual_seed(0)
    nearest = []
    for _ in range(100):
        rows_a, rows_b = permute_windows(DOCUMENTS, generator=generator)
        drawn = correlations(x[torch.from_numpy(rows_a)], y[torch.from_numpy(rows_b)])
        nearest.append((np.abs(drawn) if absolute else drawn).max(axis=1))
    drawn = np.array(nearest)
    for quantile in (0.5, 0.9, 0.99):
        level = np.quantile(drawn, quantile, axis=0)
        p = activation_p_values(as_codes(x), as_codes(y), level, DOCUMENTS, absolute=absolute)
        assert np.all(p >= (drawn >= level).mean(axis=0) - 1e-12)


def test_shared_features_survive_benjamini_hochberg_and_no_others_do():
    """Half of the latents of b are noisy copies of those of a; the rest are of another world.

    The bound is slackest where pieces of text often coincide: the most frequent may be missed.
    """
    x, y = world(1), world(2)
    noise = torch.randn(x.shape, generator=torch.Generator().manual_seed(3))
    y[:, : N // 2] = (x + 0.2 * x * noise)[:, : N // 2].clamp(min=0)
    r = correlations(x, y).max(axis=1)
    p = activation_p_values(as_codes(x), as_codes(y), r, DOCUMENTS)
    found = np.flatnonzero(q_values(p) <= 0.05)
    assert found.max() < N // 2
    assert found.size >= 3 * N // 8
    assert p.min() < 1e-7


def test_latents_that_live_at_the_beginning_of_documents_are_no_news():
    """One firing at every document's first token in both runs: the null keeps that, so p is 1."""
    first = torch.from_numpy(np.roll(DOCUMENTS, 1) != DOCUMENTS).float()[:, None]
    codes = as_codes(first)
    assert activation_p_values(codes, codes, np.array([1.0]), DOCUMENTS)[0] > 0.5


def test_nothing_to_test_gives_one():
    x = world(1)
    level = np.full(N, 0.5)
    level[:2] = [np.nan, -0.1]
    p = activation_p_values(as_codes(x), as_codes(world(2)), level, DOCUMENTS)
    assert p[:2].tolist() == [1, 1]


def test_the_codes_of_a_rearranged_run_give_the_same_answer_in_any_chunks():
    x, y = world(1), world(2)
    r = correlations(x, y).max(axis=1)
    whole = activation_p_values(as_codes(x), as_codes(y), r, DOCUMENTS)
    halves = from_batches([x[:3000], x[3000:]], N)
    again = rearrange_tokens(as_codes(y), np.arange(TOKENS))
    np.testing.assert_allclose(activation_p_values(halves, again, r, DOCUMENTS), whole, rtol=1e-5)
