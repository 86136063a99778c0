"""Targets and decoys: the count by hand, and its level where geometry is fooled."""

import numpy as np
import pytest
import torch
from torch.nn.functional import normalize

from universality.matching import find_candidates, match_within
from universality.nulls.rotation import rows_at_cosine
from universality.nulls.significance import nearest_p_values, q_values
from universality.nulls.target_decoy import decoys_per_target, find_beyond_own
from universality.similarity import Cosine

D = 32


def beyond(a, b, **options):
    across, within = Cosine.between(a, b), Cosine.between(a, a)
    near = find_candidates(across, progress=False).of_a
    own = match_within(within, progress=False).near
    return find_beyond_own(across, near, lambda: within, own, **options)


def in_subspaces(n, *, generator):
    """Rows that each lie in one of 8 subspaces of 6 dimensions which every run knows."""
    bases = torch.linalg.qr(torch.randn(8, D, 6, generator=torch.Generator().manual_seed(99))).Q
    which = torch.randint(8, (n,), generator=generator)
    rows = torch.randn(n, 1, 6, generator=generator) @ bases[which].transpose(1, 2)
    return normalize(rows[:, 0], dim=1)


def test_the_count_by_hand():
    """Of five targets the decoy at -.2 costs those below .2 half as much again."""
    margin = np.array([0.5, 0.4, 0.3, 0.1, 0.05, -0.2, 0.0])
    found = decoys_per_target(margin)
    np.testing.assert_allclose(found, [1 / 3, 1 / 3, 1 / 3, 2 / 5, 2 / 5, 1, 1])


@pytest.mark.parametrize("seed", range(20))
def test_the_count_is_its_definition(seed):
    rng = np.random.default_rng(seed)
    margin = np.round(rng.normal(0.3, 1, 60), 1)
    found = decoys_per_target(margin)
    for w, ratio in zip(margin, found, strict=True):
        levels = [t for t in np.unique(np.abs(margin)) if 0 < t <= w]
        by_hand = [(1 + (margin <= -t).sum()) / (margin >= t).sum() for t in levels]
        assert ratio == pytest.approx(min([1.0, *by_hand]))


def test_no_decoys_call_nothing_unless_there_are_twenty_targets():
    """(1 + 0) / n: at most .05 from twenty on."""
    assert decoys_per_target(np.ones(19)).min() > 0.05
    assert decoys_per_target(np.ones(20)).max() == 0.05
    assert decoys_per_target(np.array([])).size == 0


@pytest.mark.parametrize(("n_a", "n_b"), [(200, 200), (100, 300), (300, 100)])
def test_exchangeable_runs_are_as_near_to_each_other_as_to_themselves(n_a, n_b):
    """In a union of subspaces, where geometry calls many latents above chance; any widths."""
    shares, called, by_geometry = [], [], []
    for seed in range(10):
        generator = torch.Generator().manual_seed(seed)
        a, b = in_subspaces(n_a, generator=generator), in_subspaces(n_b, generator=generator)
        found = beyond(a, b, seed=seed)
        assert found.n_candidates == min(n_a - 1, n_b)
        shares.append(found.nearer.mean())
        called.append((found.decoys_per_target <= 0.05).mean())
        nearest = (a @ b.T).max(dim=1).values.double().numpy()
        by_geometry.append((q_values(nearest_p_values("geometry", a, b, nearest)) <= 0.05).mean())
    assert np.mean(shares) == pytest.approx(0.5, abs=0.05)
    assert np.mean(called) < 0.01
    assert np.mean(by_geometry) > 0.1


def test_unequal_numbers_of_candidates_would_call_latents_falsely():
    generator = torch.Generator().manual_seed(0)
    a, b = in_subspaces(100, generator=generator), in_subspaces(800, generator=generator)
    own = match_within(Cosine.between(a, a), progress=False).nearest_similarity
    nearest = (a @ b.T).max(dim=1).values.numpy()
    assert (nearest > own).mean() > 0.75
    assert beyond(a, b).nearer.mean() == pytest.approx(0.5, abs=0.06)


@pytest.mark.parametrize("planted", [0.1, 0.5])
def test_planted_latents_are_found_at_the_level_asked_for(planted):
    false, power = [], []
    for seed in range(20):
        generator = torch.Generator().manual_seed(seed)
        a, b = (normalize(torch.randn(300, D, generator=generator), dim=1) for _ in "ab")
        shared = torch.arange(300) < planted * 300
        b[shared] = rows_at_cosine(a[shared], 0.9, generator=generator)
        found = beyond(a, b).decoys_per_target <= 0.05
        false.append((found & ~shared.numpy()).sum() / max(1, found.sum()))
        power.append(found[shared.numpy()].mean())
    assert np.mean(false) < 0.05 + 2 * np.std(false, ddof=1) / np.sqrt(20)
    assert np.mean(power) > 0.95
