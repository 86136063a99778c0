"""Width and number of draws, and carrying a narrow draw to the full width."""

import numpy as np
import pytest
import torch

from universality.nulls.draw_plan import carry_mean, carry_share, mean_cosine, plan_draws, subsample
from universality.nulls.isotropic import exceedance, mean_of_maximum


def test_small_runs_are_drawn_at_full_width():
    plan = plan_draws(2304, 1152, n_draws=4)
    assert (plan.n_a, plan.n_b, plan.subsampled) == (2304, 1152, False)
    assert plan.description == "4 draws at full width"


def test_wide_runs_are_narrowed_in_proportion_and_say_so():
    plan = plan_draws(32768, 16384, n_draws=4, budget=4 * 8192 * 4096)
    assert (plan.n_a, plan.n_b, plan.subsampled) == (8192, 4096, True)
    assert "n = 8192 of 32768 and 4096 of 16384" in plan.description


def test_subsamples_keep_the_same_latents_in_every_view():
    run = {"decoder": torch.arange(50.0)[:, None], "encoder": -torch.arange(50.0)[:, None]}
    part = subsample(run, 20, generator=torch.Generator().manual_seed(0))
    assert torch.equal(part["decoder"], -part["encoder"])
    assert part["decoder"].unique().numel() == 20
    assert torch.equal(subsample(run, 50, generator=torch.Generator())["decoder"], run["decoder"])


def test_the_isotropic_mean_is_carried_exactly():
    drawn = mean_of_maximum(64, 500)
    carried = carry_mean(drawn, location=0.0, d=64, n=(500, 8000))
    assert carried == pytest.approx(mean_of_maximum(64, 8000))


def test_a_shift_of_every_cosine_is_carried_as_it_is():
    drawn = 0.3 + 0.5 * mean_of_maximum(64, 500)
    carried = carry_mean(drawn, location=0.3, d=64, n=(500, 8000))
    assert carried == pytest.approx(0.3 + 0.5 * mean_of_maximum(64, 8000))


def test_shares_of_independent_candidates_are_carried_exactly():
    thresholds = np.array([0.2, 0.3, 0.4])
    carried = carry_share(exceedance(thresholds, 64, 500), n=(500, 8000))
    np.testing.assert_allclose(carried, exceedance(thresholds, 64, 8000))
    assert carry_share(1.0, n=(500, 8000)) == 1


def test_the_mean_cosine_over_all_pairs():
    a, b = (torch.rand(n, 6, generator=torch.Generator().manual_seed(n)) for n in (7, 9))
    pairs = torch.cosine_similarity(a[:, None], b[None], dim=2)
    assert mean_cosine(a, b) == pytest.approx(float(pairs.mean()), abs=1e-6)
