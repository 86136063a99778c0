"""A planted remainder is found at every rank; an independent one lies at chance, p uniform."""

import numpy as np
import pytest
import torch
from torch.nn.functional import normalize

from universality.errors import InvalidInputError
from universality.nulls.rotation import haar, unit_rows
from universality.nulls.unrelated_spans import ranks_for, span_agreement

D, N = 128, 1_024


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def planted(share, *, dimensions=16, noise=0.05):
    """Matched rows from everywhere; the rest, independently, in dimensions that both runs have."""
    n_left = int(N * share)
    shared = torch.randn(N - n_left, D, generator=generator(0))
    basis = haar(D, generator=generator(1))[:dimensions]
    runs = [
        torch.cat(
            [
                shared,
                torch.randn(n_left, dimensions, generator=generator(s)) @ basis
                + noise * torch.randn(n_left, D, generator=generator(s + 10)),
            ]
        )
        for s in (2, 3)
    ]
    return [normalize(rows, dim=1) for rows in runs], np.arange(N - n_left, N)


def agreement(runs, left, *, seed=5, **given):
    """With the shared rows paired, and the rest paired in any order."""
    everything = np.arange(len(runs[0]))
    return span_agreement(
        *runs, (everything, everything), (left, left), generator=generator(seed), **given
    )


@pytest.mark.parametrize(("share", "large"), [(0.3, 0.59), (0.5, 0.69), (0.8, 0.87)])
def test_a_reproducible_remainder_is_above_both_references_at_every_rank(share, large):
    """All that is left lies in one subspace of 16 dimensions: .98 of it from r = 16 on.

    A unit row of 16 standard normals and noise of .05 in 128 dimensions has 128 x .05^2 / 16 = .02
    of its energy in the noise. Spans of r = 8 hold half of the rest. As many pairs of the whole run
    lie in between: isotropic pairs spread over all dimensions, and are the share that is matched.
    """
    runs, left = planted(share)
    found = agreement(runs, left, ranks=(8, 16, 32), n_draws=19)
    assert found.energy[0] == pytest.approx(0.49, abs=0.025)
    assert found.energy[1:] == pytest.approx([0.98, 0.983], abs=0.003)
    assert found.p == pytest.approx(1 / 20)
    assert found.at_large is not None
    assert found.at_large[2] == pytest.approx(large, abs=0.03)
    assert (found.energy > found.at_large + 4 * found.at_large_sd).all()
    assert found.chance == pytest.approx([1 / 16, 1 / 8, 1 / 4])


def test_an_independent_remainder_lies_at_chance_and_below_the_run_at_large():
    """The run at large has shared pairs among it, the remainder has none: .25 against .28."""
    n_left = int(0.8 * N)
    shared = unit_rows(N - n_left, D, generator=generator(0))
    runs = [torch.cat([shared, unit_rows(n_left, D, generator=generator(s))]) for s in (1, 2)]
    found = agreement(runs, np.arange(N - n_left, N), ranks=(32,), n_draws=19)
    assert found.at_large is not None
    assert found.energy == pytest.approx(0.25, abs=0.01)
    assert found.at_large == pytest.approx(0.28, abs=0.012)
    assert found.p > 0.05


def test_p_is_uniform_on_independent_remainders_of_any_spectrum():
    """Each remainder in its own subspace: 60 worlds, ranks below, at and above its dimensions."""
    small = 16
    found = []
    for world in range(60):
        rest = [
            torch.randn(30, 4, generator=generator(2 * world + k))
            @ haar(small, generator=generator(1_000 + 2 * world + k))[:4]
            for k in (0, 1)
        ]
        found.append(agreement(rest, np.arange(30), seed=world, ranks=(2, 4, 8), n_draws=19).p)
    p = np.stack(found)
    assert p.mean(axis=0) == pytest.approx(0.525, abs=4 * 0.29 / 60**0.5)
    assert ((p <= 0.1).mean(axis=0) < 0.1 + 4 * (0.09 / 60) ** 0.5).all()


def test_the_contrast_is_absent_where_a_subset_would_be_the_remainder():
    runs, _ = planted(0.5)
    at_most = agreement(runs, np.arange(int(0.9 * N)), ranks=(8,), n_draws=2)
    above = agreement(runs, np.arange(int(0.91 * N)), ranks=(8,), n_draws=2)
    assert at_most.at_large is not None
    assert (above.at_large, above.at_large_sd) == (None, None)


def test_the_same_latents_lie_in_each_other_and_swapping_the_runs_swaps_the_ways():
    runs, left = planted(0.5)
    found, swapped = (agreement(both, left, ranks=(8,), n_draws=2) for both in (runs, runs[::-1]))
    assert swapped.a_in_b == pytest.approx(found.b_in_a)
    alone = agreement([runs[0], runs[0]], left, ranks=(16,), n_draws=2)
    assert alone.energy == pytest.approx(0.98, abs=0.01)


@pytest.mark.parametrize(
    ("d", "n_left", "ranks"),
    [(576, 1_600, (16, 32, 64, 128, 256)), (64, 20, (1, 2, 4, 8, 16)), (1, 9, ()), (2, 9, (1,))],
)
def test_ranks_run_up_to_half_of_the_space(d, n_left, ranks):
    assert ranks_for(d, n_left) == ranks


@pytest.mark.parametrize("ranks", [(0,), (10,), ()])
def test_ranks_that_say_nothing_are_refused(ranks):
    runs, _ = planted(0.5)
    with pytest.raises(InvalidInputError, match=r"ranks must lie in 1 \.\.\. 9"):
        agreement(runs, np.arange(9), ranks=ranks)
