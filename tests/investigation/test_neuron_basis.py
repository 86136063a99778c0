"""Neurons of the toy: one latent is a neuron, one is spread over two."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from tests.investigation.toy_language_model import NEURONS, X, made_cache, made_run_on_neurons
from tests.made_caches import write_cache
from tests.made_investigation import made_investigation_of_neurons
from universality.activations.cache import read_activations
from universality.encoding.streaming import encode
from universality.evidence.trace import FiringTrace
from universality.investigation.neuron_basis import (
    decoder_spread,
    neuron_correlations,
    neuron_moments,
    privileged_basis,
    shifted_neurons,
)
from universality.investigation.subjects import CodedOver


def test_a_latent_that_is_a_neuron_is_found_to_be_one() -> None:
    found = made_investigation_of_neurons()
    (row,) = found.neurons.to_dict("records")
    assert row["neuron"] == X
    assert row["correlation"] == pytest.approx(1)
    assert row["null_largest"] < 0.9
    assert row["participation"] == pytest.approx(1)
    shown = found.histogram[["run", "latent"]].drop_duplicates().to_numpy().tolist()
    assert [[run, int(k)] for run, k in shown] == [["neurons-run", 0], ["neurons", X]]
    assert {"neurons-run", "neurons"} == set(found.logits["run"])


def test_the_direct_effect_goes_through_the_output_projection() -> None:
    """The neuron of x writes the feature, which only the layer above reads."""
    effects = made_investigation_of_neurons().summary["effects"]
    assert effects["mean_direct_size"] < 1e-6
    assert effects["mean_size"] > 0.05


def test_correlations_are_numpys(tmp_path: Path) -> None:
    generator = torch.Generator().manual_seed(0)
    cache = write_cache(tmp_path / "cache", torch.randn(200, 7, generator=generator))
    rows = read_activations(cache, torch.arange(200)).double().numpy()
    at = np.arange(3, 200, 5)
    trace = FiringTrace(at, np.abs(np.random.default_rng(0).normal(size=at.size)))
    moments = neuron_moments(cache)
    values = np.zeros(200)
    values[at] = trace.values
    expected = [np.corrcoef(values, rows[:, k])[0, 1] for k in range(7)]
    np.testing.assert_allclose(neuron_correlations(trace, cache, moments), expected, atol=1e-10)
    moved = [np.corrcoef(np.roll(values, 31), rows[:, k])[0, 1] for k in range(7)]
    np.testing.assert_allclose(
        neuron_correlations(trace, cache, moments, shift=31), moved, atol=1e-10
    )


def test_noise_lies_within_its_null(tmp_path: Path) -> None:
    generator = torch.Generator().manual_seed(1)
    cache = write_cache(tmp_path / "cache", torch.randn(400, 30, generator=generator))
    moments = neuron_moments(cache)
    above = 0
    for seed in range(20):
        drawn = np.random.default_rng(seed)
        at = np.sort(drawn.choice(400, 40, replace=False))
        trace = FiringTrace(at, drawn.exponential(size=40))
        greatest = np.nanmax(neuron_correlations(trace, cache, moments))
        null = shifted_neurons(trace, cache, moments, draws=19, seed=seed)
        above += int((null >= greatest).sum() == 0)
    assert above <= 4  # one in twenty is expected


def test_a_row_over_two_neurons_has_two() -> None:
    spread = decoder_spread(made_run_on_neurons(), 1)
    assert spread["participation"] == pytest.approx(2)
    assert spread["n_above_tenth"] == 2
    assert spread["largest_share"] == pytest.approx(0.5)


def test_only_neurons_are_a_privileged_basis(tmp_path: Path) -> None:
    assert privileged_basis(NEURONS) == ""
    assert "could be rotated" in privileged_basis("blocks.8.hook_resid_post")


def test_a_dead_latent_correlates_with_nothing(tmp_path: Path) -> None:
    cache = made_cache(tmp_path / "cache", n=2, hook=NEURONS)
    run = made_run_on_neurons()
    over = CodedOver("r", run, encode(run, cache, progress=False))
    nothing = FiringTrace(over.trace(0).tokens[:0], over.trace(0).values[:0])
    assert np.isnan(neuron_correlations(nothing, cache, neuron_moments(cache))).all()
