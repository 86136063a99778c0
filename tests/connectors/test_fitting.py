"""A known map is found exactly, and what cannot be fitted is refused or said."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.connectors.known_maps import KnownMap, known_map
from universality.activations.token_table import TokenTable
from universality.codes import from_batches
from universality.connectors.connector import Connector, EndKey, pruned, weights_in
from universality.connectors.connector_file import read_connector
from universality.connectors.connector_fit import fit_connector
from universality.connectors.degrees import count_degrees, edges_of
from universality.connectors.ends import ConnectorEnd
from universality.connectors.judging import judge_connector
from universality.connectors.proximal import ProximalAdam
from universality.errors import FormatError, InvalidInputError

HALF = 10_000


@pytest.fixture(scope="module")
def planted() -> KnownMap:
    return known_map()


def fit(planted: KnownMap, **options: Any) -> Connector:
    return fit_connector(planted.source[:HALF], planted.target[:HALF], **options)


@pytest.fixture(scope="module")
def fitted(planted: KnownMap) -> Connector:
    return fit(planted, l1=3e-3)


@pytest.mark.parametrize("l1", [0.0, 1e-3, 3e-3])
def test_a_known_map_is_recovered_exactly(planted: KnownMap, l1: float) -> None:
    found = fit(planted, l1=l1)
    edges = edges_of(found, 0.05, rule="row").toarray() != 0
    true = planted.W != 0
    assert (edges == true).all()  # precision and recall are 1
    assert (np.sign(found.W.toarray()) == np.sign(planted.W))[true].all()
    quality = judge_connector(found, planted.source[HALF:], planted.target[HALF:])
    assert quality.global_fvu < 1e-3
    assert quality.unexplained_share == 0
    assert quality.dead_rows == 0


def test_the_penalty_sets_weights_to_zero_exactly(planted: KnownMap, fitted: Connector) -> None:
    assert fitted.n_weights < 1.2 * np.count_nonzero(planted.W)
    assert np.count_nonzero(fitted.W.data == 0) == 0


def test_a_plain_relu_never_leaves_a_start_at_zero(
    planted: KnownMap, caplog: pytest.LogCaptureFixture
) -> None:
    """At zero every pre-activation is 0, the slope of a plain ReLU there too, so no gradient."""
    with caplog.at_level(logging.WARNING):
        found = fit(planted, warm_up=0.0)
    assert found.n_weights == 0
    assert not found.b.any()
    assert "a start at zero has no gradient" in caplog.text
    quality = judge_connector(found, planted.source[HALF:], planted.target[HALF:])
    assert quality.global_fvu > 1
    assert quality.unexplained_share == 1


def test_other_starts_and_forms_find_the_edges(planted: KnownMap) -> None:
    true = planted.W != 0
    for options in ({"init": "random"}, {"loss": "global"}, {"form": "skip"}):
        found = fit(planted, **options)
        quality = judge_connector(found, planted.source[HALF:], planted.target[HALF:])
        assert quality.global_fvu < 5e-3, options
        if options != {"form": "skip"}:
            edges = edges_of(found, 0.05, rule="row").toarray() != 0
            assert (edges == true).mean() > 0.999, options


def test_a_linear_map_of_linear_data_is_recovered() -> None:
    generator = np.random.default_rng(0)
    source = np.where(generator.random((4_000, 12)) < 0.2, generator.random((4_000, 12)), 0)
    W = np.where(generator.random((7, 12)) < 0.3, generator.normal(size=(7, 12)), 0)
    target = (source @ W.T).astype(np.float32)
    found = fit_connector(source.astype(np.float32), target, form="linear", l1=1e-4)
    np.testing.assert_allclose(found.W.toarray(), W, atol=0.02)


def test_scale_of_the_codes_changes_nothing_but_raw_weights(planted: KnownMap) -> None:
    options = {"l1": 3e-3, "steps": 300}
    plain = fit(planted, **options)
    scaled = fit_connector(
        planted.source[:HALF] * np.float32(8), planted.target[:HALF] * np.float32(0.5), **options
    )
    standard = [weights_in(one, "standardised").toarray() for one in (plain, scaled)]
    np.testing.assert_allclose(standard[1], standard[0], atol=1e-4)
    np.testing.assert_allclose(scaled.W.toarray() * 16, plain.W.toarray(), atol=1e-4)
    raw = [
        count_degrees(one).query("units == 'raw' and threshold == 0.1") for one in (plain, scaled)
    ]
    assert raw[1]["n_weights"].item() < raw[0]["n_weights"].item()


def test_order_of_latents_changes_nothing(planted: KnownMap) -> None:
    generator = np.random.default_rng(3)
    sources, targets = generator.permutation(48), generator.permutation(48)
    options = {"l1": 3e-3, "steps": 300}
    plain = fit(planted, **options)
    moved = fit_connector(
        planted.source[:HALF][:, sources], planted.target[:HALF][:, targets], **options
    )
    aligned = plain.W.toarray()[targets][:, sources]
    np.testing.assert_allclose(moved.W.toarray(), aligned, atol=1e-4)


def test_sparse_and_dense_products_fit_the_same_map(planted: KnownMap) -> None:
    few = planted.source * (np.random.default_rng(9).random(planted.source.shape) < 0.4)
    target = np.maximum(few @ planted.W.T, 0).astype(np.float32)
    assert (few > 0).mean() < 0.05 < (planted.source > 0).mean()
    found = fit_connector(few[:HALF].astype(np.float32), target[:HALF])
    assert judge_connector(found, few[HALF:].astype(np.float32), target[HALF:]).global_fvu < 1e-3


def test_the_proximal_step_solves_a_lasso() -> None:
    """Against coordinate-wise soft thresholding of an orthogonal design, which is its solution."""
    generator = np.random.default_rng(0)
    wanted = generator.normal(size=40).astype(np.float32)
    penalty = np.full(40, 0.4, dtype=np.float32)
    weights = np.zeros(40, dtype=np.float32)
    adam = ProximalAdam(weights, penalty)
    for step in range(3_000):
        adam.step(2 * (weights - wanted), 0.01 * (1 - step / 3_000))
    solution = np.sign(wanted) * np.maximum(np.abs(wanted) - 0.2, 0)
    np.testing.assert_allclose(weights, solution, atol=1e-4)
    assert ((weights == 0) == (solution == 0)).all()


def test_saved_and_read_it_is_the_same(
    fitted: Connector, planted: KnownMap, tmp_path: Path
) -> None:
    skip = fit(planted, form="skip", steps=20)
    for connector in (fitted, skip):
        connector.save(tmp_path / "connector.safetensors")
        back = read_connector(tmp_path / "connector.safetensors")
        assert back.settings == connector.settings
        assert (back.source, back.target) == (connector.source, connector.target)
        np.testing.assert_array_equal(
            back.predict(planted.source[:50]), connector.predict(planted.source[:50])
        )


def test_a_damaged_file_is_refused(fitted: Connector, tmp_path: Path) -> None:
    path = tmp_path / "connector.safetensors"
    fitted.save(path)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(FormatError):
        read_connector(path)
    path.write_bytes(content.replace(b"universality.connector/1", b"universality.connector/9"))
    with pytest.raises(FormatError, match="schema"):
        read_connector(path)


def test_pruning_keeps_what_is_above(fitted: Connector) -> None:
    kept = pruned(fitted, 0.8)
    assert 0 < kept.n_weights < fitted.n_weights
    assert np.abs(kept.W.data).min() > 0.8
    assert pruned(fitted, 0.8, units="standardised").n_weights != kept.n_weights


def test_dead_and_constant_latents_are_left_out_and_counted(planted: KnownMap) -> None:
    source, target = planted.source[:HALF].copy(), planted.target[:HALF].copy()
    source[:, 3], source[:, 4], target[:, 5] = 0, 2.0, 0.25
    found = fit_connector(source, target, steps=50)
    assert np.flatnonzero(~found.connected_sources).tolist() == [3, 4]
    assert np.flatnonzero(~found.connected_targets).tolist() == [5]
    assert not found.W[:, [3, 4]].nnz
    assert not found.W[[5]].nnz
    assert found.predict(source[:5])[:, 5] == pytest.approx(0.25)
    assert np.isnan(judge_connector(found, source, target).fvu[5])


def test_a_penalty_that_leaves_nothing_is_said(
    planted: KnownMap, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        found = fit(planted, l1=50.0, steps=100)
    assert found.n_weights == 0
    assert "outweighs all that the source explains" in caplog.text


def test_more_latents_than_tokens_are_refused(planted: KnownMap) -> None:
    with pytest.raises(InvalidInputError, match="40 tokens do not determine a map"):
        fit_connector(planted.source[:40], planted.target[:40])


def test_the_same_codes_at_both_ends_are_refused(planted: KnownMap) -> None:
    with pytest.raises(InvalidInputError, match="same dictionary"):
        fit_connector(planted.source, planted.source)
    ends = [
        ConnectorEnd(from_batches([codes], 48), None, EndKey("w48-s0", "ab"))
        for codes in (planted.source, planted.target)
    ]
    with pytest.raises(InvalidInputError, match=r"same dictionary \(w48-s0\)"):
        fit_connector(*ends)


def test_other_tokens_or_another_order_are_refused(planted: KnownMap) -> None:
    with pytest.raises(InvalidInputError, match="20,000 tokens and target_codes of 10,000"):
        fit_connector(planted.source, planted.target[:HALF])
    n = HALF
    table = TokenTable(np.arange(n) % 50, np.arange(n) // 100, np.arange(n) % 100)
    shuffled = table.take(np.random.default_rng(0).permutation(n))
    ends = [
        ConnectorEnd(from_batches([codes[:n]], 48), tokens)
        for codes, tokens in ((planted.source, table), (planted.target, shuffled))
    ]
    with pytest.raises(InvalidInputError, match="not of the same tokens in the same order"):
        fit_connector(*ends)


def test_nan_silence_and_signs_are_refused(planted: KnownMap) -> None:
    broken = planted.source.copy()
    broken[7, 7] = np.nan
    with pytest.raises(InvalidInputError, match="source_codes holds NaN or infinity"):
        fit_connector(broken, planted.target)
    with pytest.raises(InvalidInputError, match="no latent of the target varies"):
        fit_connector(planted.source, 0 * planted.target)
    with pytest.raises(InvalidInputError, match="--form linear"):
        fit_connector(planted.source, -planted.target)
    with pytest.raises(InvalidInputError, match=r"l1 \(--l1\) must be a number of at least 0"):
        fit_connector(planted.source, planted.target, l1=-1.0)
    with pytest.raises(InvalidInputError, match="needs `start`"):
        fit_connector(planted.source, planted.target, init="analytic")


def test_tensors_and_codes_are_taken_alike(planted: KnownMap) -> None:
    options: dict[str, Any] = {"steps": 5}
    arrays = fit(planted, **options)
    codes = from_batches([planted.source[:HALF]], 48)
    mixed = fit_connector(codes, torch.from_numpy(planted.target[:HALF]), **options)
    np.testing.assert_array_equal(arrays.W.toarray(), mixed.W.toarray())
