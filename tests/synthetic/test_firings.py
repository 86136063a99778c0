"""Independent latents fire as often, as long and where they should."""

import numpy as np
import pytest
import torch

from universality.synthetic.firings import dense_codes, firing_codes

DOCUMENTS = np.repeat(np.arange(200), 50)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def test_latents_fire_at_their_rate_falling_with_rank():
    codes = firing_codes(40, DOCUMENTS, generator=generator(), rate=0.05, zipf=1.0)
    share = (codes > 0).float().mean(dim=0)
    assert float(share.mean()) == pytest.approx(0.05, abs=0.005)
    assert float(share[0] / share[9]) == pytest.approx(10, rel=0.3)


def test_bursts_last_and_topics_gather_in_documents():
    single = firing_codes(20, DOCUMENTS, generator=generator(), zipf=0.0)
    bursts = firing_codes(20, DOCUMENTS, generator=generator(), zipf=0.0, longest_burst=9)
    assert float((bursts > 0).float().mean() / (single > 0).float().mean()) == pytest.approx(
        5, rel=0.2
    )
    topical = firing_codes(20, DOCUMENTS, generator=generator(), zipf=0.0, topics=1.5)

    def spread(codes):
        return float((codes > 0).float().reshape(200, 50, 20).mean(dim=1).var(dim=0).mean())

    assert spread(topical) > 3 * spread(single)


def test_locked_latents_fire_at_their_place_alone():
    codes = firing_codes(10, DOCUMENTS, generator=generator(), locked=0.3, place=17)
    fires = (codes > 0).reshape(200, 50, 10)
    assert bool(fires[:, 17, :3].all())
    assert int(fires[:, :, :3].sum()) == 200 * 3


def test_the_norm_of_a_token_is_that_of_all_its_codes():
    norms = torch.ones(DOCUMENTS.size)
    norms[5] = 40
    plain = firing_codes(10, DOCUMENTS, generator=generator(), rate=0.4)
    heavy = firing_codes(10, DOCUMENTS, generator=generator(), rate=0.4, token_norms=norms)
    torch.testing.assert_close(heavy[5], 40 * plain[5])
    torch.testing.assert_close(heavy[6:], plain[6:])


def test_dense_latents_fire_on_half_of_the_tokens_and_remember():
    codes = dense_codes(30, 4000, generator=generator(), memory=0.9)
    assert float((codes > 0).float().mean()) == pytest.approx(0.5, abs=0.05)
    flat = codes - codes.mean(dim=0)
    next_one = (flat[1:] * flat[:-1]).mean() / flat.square().mean()
    assert float(next_one) > 0.75
