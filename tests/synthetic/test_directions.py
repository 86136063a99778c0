"""Directions have the geometry that was asked for."""

import pytest
import torch

from universality.synthetic import make_directions


def rows(**geometry):
    return make_directions(4000, 32, generator=torch.Generator().manual_seed(0), **geometry)


def test_rows_are_unit_and_isotropic_by_default():
    x = rows()
    torch.testing.assert_close(x.norm(dim=1), torch.ones(4000))
    second_moment = x.T @ x / 4000
    torch.testing.assert_close(second_moment, torch.eye(32) / 32, rtol=0, atol=0.004)


def test_the_shared_mean_has_the_stated_share():
    """Independent rows then have a mean cosine of about that share."""
    x = rows(mean_share=0.09)
    assert float((x[:2000] @ x[2000:].T).mean()) == pytest.approx(0.09, abs=0.005)


def test_the_spectrum_falls_as_a_power():
    """Four times the axis number, a quarter of the variance (a little less falls to the norm)."""
    variance = rows(spectrum=1.0).var(dim=0)
    assert float(variance[0] / variance[3]) == pytest.approx(4, rel=0.25)
    assert float(variance[4] / variance[19]) == pytest.approx(4, rel=0.15)


def test_clusters_share_a_centre_within_a_run_only():
    """Two rows at squared cosine s with one centre have a cosine of about s."""
    x = rows(cluster_size=4, cluster_share=0.6)
    within = (x[0::4] * x[1::4]).sum(dim=1)
    between = (x[0::4] * x[1::4].roll(1, dims=0)).sum(dim=1)
    assert float(within.mean()) == pytest.approx(0.6, abs=0.02)
    assert float(between.mean()) == pytest.approx(0, abs=0.02)


def test_confined_rows_lie_in_a_fixed_subspace():
    x = rows(confined=(0.25, 4))
    assert bool((x[:1000, :28] == 0).all())
    assert bool((x[1000:, :28].norm(dim=1) > 0.5).all())
