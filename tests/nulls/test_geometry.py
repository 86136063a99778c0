"""The geometry null is exact: its maps keep the mean and the covariance, its draws the average."""

import gc

import numpy as np
import pytest
import torch
from torch.nn.functional import normalize

from universality.nulls import geometry
from universality.nulls.null import NULLS
from universality.nulls.rotation import haar


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def dominated(n, d, *, axes, share, mean=0.0, seed):
    """Unit rows of which the first few axes hold a share of the energy; the mean is oblique."""
    scale = torch.cat(
        [torch.full((axes,), share / axes), torch.full((d - axes,), (1 - share) / (d - axes))]
    )
    rows = torch.randn(n, d, generator=generator(seed)) * scale.sqrt()
    return normalize(mean**0.5 / d**0.5 + (1 - mean) ** 0.5 * rows, dim=1)


def greedy_mean(a, b):
    return float((normalize(a, dim=1) @ normalize(b, dim=1).T).max(dim=1).values.mean())


def covariance(rows):
    centred = rows - rows.mean(dim=0)
    return centred.T @ centred / len(rows)


WORLDS = {
    "3 axes hold 60 %": {"axes": 3, "share": 0.6},
    "1 axis holds 30 %": {"axes": 1, "share": 0.3},
    "1 axis holds 30 %, oblique mean": {"axes": 1, "share": 0.3, "mean": 0.3},
    "8 axes hold 50 %, oblique mean": {"axes": 8, "share": 0.5, "mean": 0.3},
}


@pytest.mark.parametrize("world", WORLDS)
def test_a_map_fixes_the_mean_and_commutes_with_the_covariance(world):
    """Up to the spread of eigenvalues in a block, and to what the weights of rows change."""
    rows = dominated(600, 64, **WORLDS[world], seed=1)
    turn = geometry.draw_map(geometry.fit(rows), generator=generator())
    torch.testing.assert_close(turn.T @ turn, torch.eye(64), rtol=0, atol=1e-5)
    torch.testing.assert_close(rows.mean(dim=0) @ turn, rows.mean(dim=0), rtol=0, atol=1e-6)
    before, after = covariance(rows), covariance(rows @ turn)
    assert float((after - before).norm() / before.norm()) < 0.12


def test_a_map_of_two_views_fixes_the_mean_of_the_concatenated_row():
    decoder = dominated(600, 32, axes=3, share=0.6, seed=1)
    encoder = normalize(
        decoder @ haar(32, generator=generator(9)) + 0.3 * decoder.roll(1, 1), dim=1
    )
    both = geometry.concatenated((decoder, encoder))
    turn = geometry.draw_map(geometry.fit(decoder, encoder), generator=generator())
    torch.testing.assert_close(both.mean(dim=0) @ turn, both.mean(dim=0), rtol=0, atol=1e-6)
    before, after = covariance(both), covariance(both @ turn)
    assert float((after - before).norm() / before.norm()) < 0.12


@pytest.mark.parametrize("world", WORLDS)
def test_what_independent_runs_have_in_common_is_what_is_printed_beside_it(world):
    """20 independent pairs: observed greedy mean less the mean of the draws that are printed."""
    excess = []
    for pair in range(20):
        a, b = (dominated(512, 64, **WORLDS[world], seed=2 * pair + k) for k in (0, 1))
        draws = [
            greedy_mean(
                *(run["x"] for run in NULLS["geometry"].draw({"x": a}, {"x": b}, generator=g))
            )
            for g in (generator(100 * pair + k) for k in range(4))
        ]
        excess.append(greedy_mean(a, b) - np.mean(draws))
    assert abs(np.mean(excess)) < 4 * np.std(excess, ddof=1) / np.sqrt(20)
    assert abs(np.mean(excess)) < 0.003


def test_equal_eigenvalues_without_a_mean_are_one_space_turned_freely():
    frame = torch.cat([torch.eye(8), -torch.eye(8)])
    fitted = geometry.fit(frame)
    assert (fitted.n_fixed, fitted.blocks) == (0, (8,))


def test_a_space_of_one_axis_that_the_mean_leans_on_is_never_flipped():
    """One direction of each space stays, so that the leading axis, alone in its space, stays."""
    rows = dominated(400, 16, axes=1, share=0.6, seed=3)
    fitted = geometry.fit(rows)
    top = fitted.axes[:, 0]
    assert abs(torch.linalg.eigh(covariance(rows)).eigenvectors[:, -1] @ top) > 0.99
    turn = geometry.draw_map(fitted, generator=generator())
    torch.testing.assert_close(top @ turn, top, rtol=0, atol=1e-5)


def test_rows_that_leave_a_map_no_freedom_stay_where_they_are():
    rows = torch.tensor([[1.0, 0.0], [1.0, 0.1], [0.0, 1.0]])
    fitted = geometry.fit(rows)
    turn = geometry.draw_map(fitted, generator=generator())
    fixed, energy = geometry.coordinates(fitted, rows)
    assert energy.shape == (3, len(fitted.blocks))
    if not fitted.blocks:
        torch.testing.assert_close(turn, torch.eye(2))
        torch.testing.assert_close(fixed.square().sum(dim=1), torch.ones(3))


def test_a_run_is_fitted_once_while_it_lives_and_forgotten_with_it() -> None:
    rows = torch.randn(40, 6, generator=generator())
    first = geometry.fit(rows)
    assert geometry.fit(rows) is first
    assert geometry.fit(rows.clone()) is not first
    key = (id(rows),)
    assert key in geometry._FITTED
    del rows
    gc.collect()
    assert key not in geometry._FITTED
