"""Tokens follow the frequencies, the hierarchy and the correlation of their world."""

import pytest
import torch

from universality.errors import InvalidInputError
from universality.synthetic import draw_tokens, make_truth


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def test_frequencies_follow_zipf_and_add_up_to_the_mean_l0():
    truth = make_truth(200, 16, generator=generator(), mean_l0=6.0, zipf=1.0)
    assert float(truth.frequency.sum()) == pytest.approx(6, abs=1e-4)
    assert float(truth.frequency[9] / truth.frequency[99]) == pytest.approx(10, rel=1e-4)
    steep = make_truth(50, 16, generator=generator(), mean_l0=6.0, zipf=2.0)
    assert float(steep.frequency.max()) == 0.5
    assert float(steep.frequency.sum()) == pytest.approx(6, abs=1e-4)


@pytest.mark.parametrize(("hierarchy", "correlation"), [(0.0, 0.0), (0.5, 0.0), (0.4, 0.6)])
def test_features_fire_as_often_as_the_truth_says(hierarchy, correlation):
    """Without a correlated parent the frequency is exact; 4 binomial standard errors."""
    truth = make_truth(
        60, 16, generator=generator(), hierarchy=hierarchy, correlation=correlation, group_size=1
    )
    tokens = draw_tokens(truth, 20_000, generator=generator(1))
    p = truth.frequency
    error = (p * (1 - p) / 20_000).sqrt()
    assert bool(((tokens.codes > 0).float().mean(dim=0) - p).abs().lt(4.5 * error).all())


def test_a_child_never_fires_without_its_parent_and_parents_are_more_frequent():
    truth = make_truth(60, 16, generator=generator(), hierarchy=0.5)
    child = (truth.parent >= 0).nonzero()[:, 0]
    parent = truth.parent[child]
    assert 15 < child.numel() < 45
    assert bool((truth.parent[parent] == -1).all())
    assert bool((parent < child).all())
    active = draw_tokens(truth, 5000, generator=generator(1)).codes > 0
    assert bool((active[:, parent] | ~active[:, child]).all())


def test_correlated_groups_fire_together():
    truth = make_truth(
        16, 8, generator=generator(), zipf=0.0, mean_l0=2.0, correlation=0.8, group_size=2
    )
    active = (draw_tokens(truth, 20_000, generator=generator(1)).codes > 0).float()
    together = (active[:, 0::2] * active[:, 1::2]).mean()
    apart = (active[:, 0::2] * active[:, 1::2].roll(1, dims=1)).mean()
    assert float(apart) == pytest.approx(0.125**2, rel=0.1)
    assert float(together) > 4 * float(apart)


def test_tokens_are_sums_of_their_features_plus_noise():
    truth = make_truth(40, 16, generator=generator())
    clean = draw_tokens(truth, 500, generator=generator(1))
    torch.testing.assert_close(clean.x, clean.codes @ truth.dictionary.W_dec)
    noisy = draw_tokens(truth, 500, generator=generator(1), noise=0.3)
    assert float((noisy.x - clean.x).std()) == pytest.approx(0.3, rel=0.05)


def test_more_features_per_token_than_half_are_refused():
    with pytest.raises(InvalidInputError, match=r"between 0 and n/2=5, got 6\.0"):
        make_truth(10, 4, generator=generator(), mean_l0=6.0)
