"""What one run says of its latents: against NumPy, and what must not change it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.made_runs import make_run, unit_rows
from universality.dictionary import Dictionary, Firing
from universality.errors import UnsupportedError
from universality.matching import match_within
from universality.reappearance.own_covariates import OWN, own_covariates
from universality.similarity import Cosine

N, D = 30, 24


def _run() -> Dictionary:
    generator = torch.Generator().manual_seed(0)
    run = make_run(
        unit_rows(N, D, seed=1) * 1.5,
        unit_rows(N, D, seed=2) * (1 + torch.rand(N, 1, generator=generator)),
        frequency=torch.rand(N, generator=generator),
    )
    return replace(run, b_enc=torch.randn(N, generator=generator))


def _of(run: Dictionary) -> dict[str, np.ndarray]:
    return own_covariates(run, torch.ones(run.d_sae, dtype=torch.bool))


def test_they_are_what_they_are_called() -> None:
    run = _run()
    found = _of(run)
    assert set(found) == set(OWN)
    assert run.W_enc is not None
    assert run.b_enc is not None
    D_, E = (w.double().numpy() for w in (run.W_dec, run.W_enc))
    d, e = (w / np.linalg.norm(w, axis=1, keepdims=True) for w in (D_, E))
    norms = np.linalg.norm(D_, axis=1) * np.linalg.norm(E, axis=1)
    bias = run.b_enc.double().numpy() * np.linalg.norm(D_, axis=1)
    near = {}
    for name, rows in (("decoder", d), ("encoder", e)):
        cosines = rows @ rows.T
        np.fill_diagonal(cosines, -np.inf)
        near[name] = np.sort(cosines, axis=1)[:, ::-1][:, :5]
    _, axes = np.linalg.eigh(d.T @ d)
    middle = lambda values: np.sort(values)[(N - 1) // 2]  # noqa: E731
    expected = {
        "log_frequency": np.log10(run.firing.frequency.double().numpy()),  # type: ignore[union-attr]
        "encoder_decoder_cosine": (d * e).sum(axis=1),
        "log_norm": np.log10(norms / middle(norms)),
        "bias": bias / middle(np.abs(bias)),
        "own_nearest_decoder": near["decoder"][:, 0],
        "own_five_decoder": near["decoder"].mean(axis=1),
        "own_nearest_encoder": near["encoder"][:, 0],
        "own_five_encoder": near["encoder"].mean(axis=1),
        "mean_decoder_cosine": d @ d.mean(axis=0) / np.linalg.norm(d.mean(axis=0)),
        "mean_encoder_cosine": e @ e.mean(axis=0) / np.linalg.norm(e.mean(axis=0)),
        "leading_energy": ((d @ axes[:, -(D // 12) :]) ** 2).sum(axis=1),
    }
    for name in OWN:
        assert found[name] == pytest.approx(expected[name], abs=1e-6), name


def test_rescaled_latents_turned_axes_and_another_order_change_nothing() -> None:
    run = _run()
    assert run.W_enc is not None
    assert run.b_enc is not None
    scale = torch.linspace(0.5, 2.0, N)[:, None]
    turn = torch.linalg.qr(torch.randn(D, D, generator=torch.Generator().manual_seed(3)))[0]
    order = torch.randperm(N, generator=torch.Generator().manual_seed(4))
    assert run.firing is not None
    other = replace(
        run,
        W_dec=(run.W_dec / scale @ turn)[order],
        W_enc=(run.W_enc * scale @ turn)[order],
        b_enc=(run.b_enc * scale[:, 0])[order],
        firing=Firing(run.firing.frequency[order], "reordered"),
    )
    for name, values in _of(other).items():
        assert values == pytest.approx(_of(run)[name][order.numpy()], abs=1e-5), name


def test_only_latents_that_take_part_are_looked_at() -> None:
    run = _run()
    mask = torch.arange(N) % 3 > 0
    assert run.W_enc is not None
    assert run.b_enc is not None
    assert run.firing is not None
    cut = replace(
        run,
        W_dec=run.W_dec[mask],
        W_enc=run.W_enc[mask],
        b_enc=run.b_enc[mask],
        firing=Firing(run.firing.frequency[mask], "cut"),
    )
    for name, values in own_covariates(run, mask).items():
        assert values == pytest.approx(_of(cut)[name]), name


def test_one_latent_and_a_run_without_biases_have_numbers_too() -> None:
    lone = make_run(unit_rows(1, 4, seed=0), frequency=torch.tensor([0.0]))
    found = _of(lone)
    assert all(np.isfinite(values).all() for values in found.values())
    assert found["own_nearest_decoder"] == [0.0]


def test_what_cannot_be_asked_says_what_is_missing() -> None:
    with pytest.raises(UnsupportedError, match=r"no firing counts.*--activations"):
        _of(make_run(unit_rows(4, 4, seed=0)))
    bare = Dictionary(W_dec=unit_rows(4, 4, seed=0))
    with pytest.raises(UnsupportedError, match="no encoder"):
        _of(bare)


def test_what_is_known_of_the_own_run_gives_the_same_without_a_pass_over_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run = _run()
    alone = _of(run)
    near = {
        view: match_within(Cosine.between(run.directions(view), run.directions(view))).near
        for view in ("decoder", "encoder")
    }
    monkeypatch.setattr("universality.reappearance.own_covariates.find_candidates", None)
    mask = torch.ones(run.d_sae, dtype=torch.bool)
    for name, values in own_covariates(run, mask, near=near).items():
        np.testing.assert_array_equal(values, alone[name])
