"""The geometries of independent runs are what they say."""

import pytest
import torch

from universality.synthetic.geometries import (
    dominated_rows,
    repelled,
    rows_in_subspaces,
    rows_on_circle,
    tilted_rows,
)

N, D = 4000, 24


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def test_leading_axes_hold_their_share_and_the_mean_its_own():
    rows = dominated_rows(N, D, generator=generator(), axes=3, share=0.6, mean_share=0.2)
    assert float(rows.mean(dim=0).norm() ** 2) == pytest.approx(0.2, abs=0.05)
    centred = rows - rows.mean(dim=0)
    energy = centred.square().mean(dim=0)
    assert float(energy[:3].sum() / energy.sum()) == pytest.approx(0.6, abs=0.08)


def test_rows_lie_in_subspaces_that_all_runs_know():
    first, second = (
        rows_in_subspaces(N, D, generator=generator(seed), n_subspaces=2, dimension=3)
        for seed in (1, 2)
    )
    assert torch.linalg.matrix_rank(torch.cat([first, second]), atol=1e-3) == 6
    loose = rows_in_subspaces(N, D, generator=generator(), n_subspaces=2, dimension=3, share=0.5)
    assert torch.linalg.matrix_rank(loose, atol=1e-3) == D


def test_a_circle_is_tiled_evenly():
    rows = rows_on_circle(100, D, generator=generator(), fraction=0.2)[:20]
    assert float(rows[:, 2:].abs().max()) == 0
    cosines = (rows @ rows.T).fill_diagonal_(-1)
    torch.testing.assert_close(cosines.amax(dim=1), torch.full((20,), 0.9511), atol=1e-3, rtol=0)


def test_rows_that_repel_each_other_are_farther_apart():
    rows = rows_in_subspaces(300, D, generator=generator(), n_subspaces=4, dimension=4)
    before, after = (
        (x @ x.T).fill_diagonal_(-1).amax(dim=1).mean() for x in (rows, repelled(rows))
    )
    assert after < before - 0.1


@pytest.mark.parametrize(
    "draw",
    [
        lambda g: dominated_rows(50, D, generator=g, axes=1, share=0.3),
        lambda g: tilted_rows(50, D, generator=g),
        lambda g: rows_on_circle(50, D, generator=g, fraction=0.5),
        lambda g: rows_in_subspaces(50, D, generator=g, n_subspaces=3, dimension=2, share=0.7),
    ],
)
def test_all_rows_have_unit_length(draw):
    torch.testing.assert_close(draw(generator()).norm(dim=1), torch.ones(50))
