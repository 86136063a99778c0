"""P-values against closed forms and against the draws they replace."""

import numpy as np
import pytest
import torch
from scipy.stats import false_discovery_control
from torch.nn.functional import normalize

from universality.nulls import isotropic
from universality.nulls.null import NULLS
from universality.nulls.rotation import rows_at_cosine, unit_rows
from universality.nulls.significance import (
    nearest_p_values,
    normalised_excess,
    q_values,
    without_siblings,
)


def gaussian(n, d, seed, scale=1.0, mean=0.0):
    generator = torch.Generator().manual_seed(seed)
    return mean + scale * torch.randn(n, d, generator=generator)


def nearest(a, b, absolute=False):
    cosines = normalize(a, dim=1) @ normalize(b, dim=1).T
    return (cosines.abs() if absolute else cosines).max(dim=1).values.double().numpy()


@pytest.mark.parametrize("absolute", [False, True])
def test_geometry_of_a_tight_frame_is_isotropic(absolute):
    """Plus and minus the axes have no mean and equal eigenvalues: one block, the uniform map."""
    frame = torch.cat([torch.eye(24), -torch.eye(24)])
    rows, similarity = gaussian(9, 24, 0), np.linspace(0.1, 0.9, 9)
    expected = isotropic.p_value(similarity, 24, 48, absolute=absolute)
    found = nearest_p_values("geometry", rows, frame, similarity, absolute=absolute)
    np.testing.assert_allclose(found, expected, rtol=0.1)


@pytest.mark.parametrize("absolute", [False, True])
@pytest.mark.parametrize(("level", "too_large"), [(0.5, 1.2), (0.65, 2.5)])
def test_geometry_agrees_with_its_own_draws(absolute, level, too_large):
    """How many candidates reach the level in a draw, on average, whatever their dependence.

    -log(1 - p) sums -log(1 - tail) over candidates, the tail of each where it is small.
    """
    scale = torch.linspace(1.5, 0.3, 32)
    a, b = gaussian(200, 32, 1, scale, mean=0.2), gaussian(300, 32, 2, scale, mean=0.2)
    generator = torch.Generator().manual_seed(0)
    counts, reached = np.zeros(200), np.zeros(200)
    for _ in range(200):
        run_a, run_b = NULLS["geometry"].draw({"x": a}, {"x": b}, generator=generator)
        cosines = normalize(run_a["x"], dim=1) @ normalize(run_b["x"], dim=1).T
        hits = (cosines.abs() if absolute else cosines) >= level
        counts += hits.sum(dim=1).numpy() / 200
        reached += hits.any(dim=1).numpy() / 200
    p = nearest_p_values("geometry", a, b, np.full(200, level), absolute=absolute)
    expected = -np.log1p(-np.minimum(p, 1 - 1e-16))
    assert 0.95 < expected.mean() / counts.mean() < too_large * 1.1
    assert np.all(reached <= p + 0.12)


def test_a_copy_survives_benjamini_hochberg_where_counting_draws_never_could():
    """(1 + 0) / (1 + R) exceeds .05 / n for any R below 20 n; the tail has no such floor."""
    a, b = gaussian(2000, 64, 1), gaussian(2000, 64, 2)
    b[5] = a[3] + 0.2 * b[5]
    p = nearest_p_values("geometry", a, b, nearest(a, b))
    assert p[3] < 1e-15
    found = np.flatnonzero(q_values(p) < 0.05)
    assert 3 in found
    assert found.size <= 2


def test_rows_may_be_rescaled_and_many_candidates_are_sampled_evenly():
    a, b = gaussian(20, 16, 1), gaussian(9000, 16, 2)
    p = nearest_p_values("geometry", a, b, nearest(a, b))
    scaled = nearest_p_values("geometry", 7 * a, 3 * b, nearest(a, b))
    np.testing.assert_allclose(scaled, p, rtol=1e-3)
    np.testing.assert_allclose(p, isotropic.p_value(nearest(a, b), 16, 9000), rtol=0.3)


@pytest.mark.parametrize("null", ["isotropic", "haar", "untrained"])
def test_other_nulls_use_the_isotropic_closed_form(null):
    a, b = gaussian(5, 8, 1), gaussian(30, 8, 2)
    similarity = nearest(a, b)
    expected = isotropic.p_value(similarity, 8, 30)
    np.testing.assert_array_equal(nearest_p_values(null, a, b, similarity), expected)


def test_q_values_by_hand():
    """Benjamini-Hochberg: p_(k) n / k, made monotone from the largest down."""
    np.testing.assert_allclose(
        q_values(np.array([0.01, 0.04, 0.03, 0.5])), [0.04] + [4 / 75] * 2 + [0.5]
    )


@pytest.mark.parametrize("n", [1, 2, 50, 1000])
def test_q_values_are_scipys(n):
    p = np.random.default_rng(n).random(n) ** 3
    p[: n // 3] = p[0]
    np.testing.assert_allclose(q_values(p), false_discovery_control(p), rtol=1e-12)


def test_normalised_excess_runs_from_the_null_to_identity():
    assert normalised_excess(0.2, 0.2) == 0
    assert normalised_excess(1.0, 0.2) == 1
    assert normalised_excess(0.1, 0.2) < 0


def test_a_sibling_of_a_shared_latent_is_left_out_and_unknown_stays_unknown():
    p = np.array([1e-9, 1e-6, 0.3, np.nan])
    mutual = np.array([True, False, True, False])
    np.testing.assert_array_equal(without_siblings(p, mutual), [1e-9, 1.0, 0.3, np.nan])


@pytest.mark.parametrize("cosine", [0.7, 0.95])
def test_false_discoveries_keep_their_level_though_siblings_follow_their_shared_latent(cosine):
    """Every latent has a sibling at .6 of which alone B knows nothing: 20 pairs of runs.

    By the nearest alone the siblings of planted latents are called with them.
    """
    false = {"nearest": [], "above chance": []}
    for seed in range(20):
        generator = torch.Generator().manual_seed(seed)
        first = unit_rows(200, 96, generator=generator)
        a = torch.cat([first, rows_at_cosine(first, 0.6, generator=generator)])
        b = unit_rows(400, 96, generator=generator)
        b[:100] = rows_at_cosine(a[:100], cosine, generator=generator)
        cosines = a @ b.T
        mutual = (cosines.argmax(dim=0)[cosines.argmax(dim=1)] == torch.arange(400)).numpy()
        p = nearest_p_values("geometry", a, b, cosines.amax(dim=1).double().numpy())
        for name, values in (("nearest", p), ("above chance", without_siblings(p, mutual))):
            called = np.flatnonzero(q_values(values) <= 0.05)
            false[name].append((called >= 100).sum() / max(1, called.size))
            assert (called < 100).sum() >= 98
    spread = 2 * np.std(false["above chance"], ddof=1) / np.sqrt(20)
    assert np.mean(false["above chance"]) <= 0.05 + spread
    assert np.mean(false["nearest"]) > 0.15
