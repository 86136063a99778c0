"""Which latents take part, by each rule."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.made_runs import make_run, unit_rows
from universality.codes import from_batches
from universality.errors import InvalidInputError
from universality.runs.alive import find_alive, find_firing


def test_without_evidence_every_latent_counts_and_the_source_is_unknown() -> None:
    run = make_run(unit_rows(20, 8, seed=0))
    alive, _ = find_alive((run, run))
    assert alive.n_alive == 20
    assert alive.source == "unknown"


def test_auto_uses_firing_counts_only_when_both_runs_have_them() -> None:
    frequency = torch.full((20,), 0.1)
    frequency[3] = 0
    counted = make_run(unit_rows(20, 8, seed=0), frequency=frequency)
    silent = make_run(unit_rows(20, 8, seed=1))
    both, _ = find_alive((counted, counted))
    assert both.n_alive == 19
    assert not both.mask[3]
    assert both.source == "planted"
    one, other = find_alive((counted, silent))
    assert (one.n_alive, other.n_alive) == (20, 20)
    assert (one.source, other.source) == ("unknown", "unknown")


@pytest.mark.parametrize("side", ["decoder", "encoder"])
def test_zero_rows_never_take_part(side: str) -> None:
    rows = unit_rows(20, 8, seed=0)
    with_zero = rows.clone()
    with_zero[5] = 0
    run = make_run(with_zero, rows) if side == "decoder" else make_run(rows, with_zero)
    alive, _ = find_alive((run, run), "all")
    assert not alive.mask[5]
    assert alive.n_zero_rows == 1
    assert alive.n_alive == 19


def test_the_norm_rule_drops_rows_below_a_tenth_of_the_median() -> None:
    scale = torch.ones(20)
    scale[:3] = torch.tensor([0.09, 0.11, 5.0])
    run = make_run(unit_rows(20, 8, seed=0) * scale[:, None])
    alive, _ = find_alive((run, run), "norm")
    assert (~alive.mask).nonzero().flatten().tolist() == [0]


def test_the_file_rule_needs_counts() -> None:
    run = make_run(unit_rows(20, 8, seed=0))
    with pytest.raises(InvalidInputError, match="--alive file: planted brought no firing counts"):
        find_alive((run, run), "file")


def test_a_run_without_a_living_latent_is_an_error() -> None:
    run = make_run(unit_rows(20, 8, seed=0), frequency=torch.zeros(20))
    with pytest.raises(InvalidInputError, match="no latent of planted is alive"):
        find_alive((run, run))


def test_an_unknown_rule_lists_the_known_ones() -> None:
    run = make_run(unit_rows(20, 8, seed=0))
    with pytest.raises(InvalidInputError, match="auto, all, norm, file, firing, got 'sometimes'"):
        find_alive((run, run), "sometimes")


def test_firing_counts_on_codes_and_leaves_out_what_never_changes() -> None:
    codes = np.zeros((20, 4), dtype=np.float32)
    codes[:3, 1], codes[:, 2], codes[:2, 3] = 1, 0.5, np.arange(1, 3)
    decoder = unit_rows(4, 8, seed=0)
    run = make_run(decoder)
    alive = find_firing(run, from_batches([codes], 4), 2)
    assert alive.mask.tolist() == [False, True, False, True]
    assert alive.source == "fires on 2 or more of 20 tokens"
    with pytest.raises(InvalidInputError, match=r"fires on 9 of the 20 tokens .* --min-firing"):
        find_firing(run, from_batches([codes], 4), 9)


def test_firing_without_activations_says_what_is_missing() -> None:
    run = make_run(unit_rows(4, 8, seed=0))
    with pytest.raises(InvalidInputError, match="pass --activations DIR"):
        find_alive((run, run), "firing")
