"""Correlations of one latent with all of another run, and chance by moving it along the texts."""

from __future__ import annotations

import numpy as np
import torch

from tests.investigation.toy_language_model import made_run
from universality.codes import Codes, from_batches
from universality.investigation.counterparts import best_of, other_codes, shifted_greatest
from universality.investigation.subjects import CodedOver


def _codes(n_tokens: int = 400, n: int = 25, *, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    fires = torch.rand(n_tokens, n, generator=generator) < 0.1
    return torch.rand(n_tokens, n, generator=generator) * fires


def test_correlations_are_numpys_on_all_and_on_some_tokens() -> None:
    made = _codes()
    made[:, 3] = 0
    values = np.random.default_rng(0).exponential(size=400)
    keep = np.arange(400) % 3 != 0
    for kept in (None, keep):
        some = np.ones(400, dtype=bool) if kept is None else kept
        found = other_codes(from_batches([made], 25), kept).correlations(values[some])
        for latent in range(25):
            column = made[torch.from_numpy(some), latent].numpy()
            if column.any():
                expected = np.corrcoef(values[some], column)[0, 1]
                np.testing.assert_allclose(found[latent], expected, atol=1e-9)
            else:
                assert np.isnan(found[latent])


def test_codes_in_many_chunks_say_what_one_chunk_says() -> None:
    made, keep = _codes(), np.arange(400) % 3 != 0
    whole = from_batches([made], 25)
    chunks = tuple(whole.chunks[0][:, at] for at in (slice(0, 7), slice(7, 250), slice(250, 400)))
    cut = Codes(chunks)
    values = np.random.default_rng(1).exponential(size=int(keep.sum()))
    found = [other_codes(codes, keep).correlations(values) for codes in (whole, cut)]
    np.testing.assert_allclose(*found, atol=1e-12)
    run = made_run("a")
    traces = [CodedOver("run", run, codes).trace(3) for codes in (whole, cut)]
    np.testing.assert_array_equal(traces[0].tokens, traces[1].tokens)
    np.testing.assert_array_equal(traces[0].values, traces[1].values)


def test_the_planted_latent_is_found_and_beyond_chance() -> None:
    made = _codes()
    values = made[:, 7].double().numpy()
    other = other_codes(from_batches([made], 25))
    assert best_of(other.correlations(values)) == 7
    null = shifted_greatest(values, other, draws=20, seed=0)
    assert (null < 0.5).all()


def test_an_unrelated_latent_is_within_chance() -> None:
    other = other_codes(from_batches([_codes()], 25))
    beyond = 0
    for seed in range(20):
        values = _codes(seed=100 + seed)[:, 0].double().numpy()
        greatest = np.nanmax(other.correlations(values))
        null = shifted_greatest(values, other, draws=19, seed=seed)
        beyond += int((null >= greatest).sum() == 0)
    assert beyond <= 4  # one in twenty is expected


def test_of_a_run_in_which_nothing_varies_none_is_best() -> None:
    other = other_codes(from_batches([torch.zeros(30, 4)], 4))
    assert best_of(other.correlations(np.arange(30.0))) == -1
