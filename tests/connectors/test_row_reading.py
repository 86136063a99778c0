"""Rows are read as what was planted, and not as what only looks like it."""

from __future__ import annotations

import numpy as np
import pytest

from tests.connectors.known_maps import KnownMap, known_map
from universality.connectors.connector_fit import fit_connector
from universality.connectors.ends import ConnectorEnd, as_end
from universality.connectors.row_reading import read_map_rows, rows_table

HALF = 10_000


@pytest.fixture(scope="module")
def planted() -> KnownMap:
    return known_map()


def read(source: np.ndarray, target: np.ndarray, targets: list[int]) -> list[str]:
    found = fit_connector(source[:HALF], target[:HALF])
    ends: list[ConnectorEnd] = [as_end(one[HALF:], "codes") for one in (source, target)]
    return [one.label for one in read_map_rows(found, *ends, targets)]


def test_planted_rows_are_read_as_planted(planted: KnownMap) -> None:
    assert tuple(read(planted.source, planted.target, list(range(48)))) == planted.kinds


def test_counts_and_inputs_are_those_of_the_tokens(planted: KnownMap) -> None:
    found = fit_connector(planted.source[:HALF], planted.target[:HALF])
    source, target = planted.source[HALF:], planted.target[HALF:]
    reading = read_map_rows(found, as_end(source, "codes"), as_end(target, "codes"), [2])[0]
    positive, negative = np.argmax(planted.W[2]), np.argmin(planted.W[2])
    by_source = {one.source: one for one in reading.inputs}
    assert set(by_source) == {positive, negative}
    both = (source[:, positive] > 0) & (source[:, negative] > 0)
    one = by_source[int(negative)]
    assert one.n_both == both.sum()
    assert one.n_both_off == (both & (target[:, 2] == 0)).sum()
    assert one.n_both_expected < both.sum() / 1.5
    assert 0.8 * one.n_both_off < one.n_released <= one.n_both_off
    assert by_source[int(positive)].fvu_without >= 0.99
    assert reading.evidence == one.n_released
    assert len(rows_table([reading])) == 2


def test_a_negative_weight_that_never_meets_a_positive_one_is_no_and_not() -> None:
    generator = np.random.default_rng(1)
    first = generator.random(2 * HALF) < 0.1
    never_with_it = ~first & (generator.random(2 * HALF) < 0.1)
    other = generator.random(2 * HALF) < 0.1
    source = np.stack([first, never_with_it, other], axis=1).astype(np.float32)
    source *= generator.uniform(0.5, 1.5, source.shape).astype(np.float32)
    target = np.maximum(source @ np.array([[1.0, -1.0, 1.0], [0.0, 0.0, 1.0]]).T, 0)
    found = fit_connector(source[:HALF], target[:HALF].astype(np.float32))
    assert found.W.toarray()[0, 1] < -0.5
    # Input 1 does meet input 2, by chance alone: a map with such a weight is no AND-NOT of a text.
    assert read(source, target.astype(np.float32), [0]) == ["or"]


def test_inputs_that_only_fire_together_are_no_or() -> None:
    generator = np.random.default_rng(2)
    both = (generator.random(2 * HALF) < 0.1)[:, None]
    rest = generator.random((2 * HALF, 1)) < 0.1
    source = np.hstack([both, both, rest]) * generator.uniform(0.5, 1.5, (2 * HALF, 3))
    source = source.astype(np.float32)
    target = np.maximum(source @ np.array([[1.0, 1.0, 0.0], [0.0, 0.0, 1.0]]).T, 0)
    assert read(source, target.astype(np.float32), [0, 1]) == ["mixed", "copy"]


def test_an_unpredictable_target_is_not_read() -> None:
    generator = np.random.default_rng(3)
    source = (generator.random((2 * HALF, 4)) < 0.1).astype(np.float32)
    target = (generator.random((2 * HALF, 2)) < 0.1).astype(np.float32)
    assert read(source, target, [0, 1]) == ["unread", "unread"]


def test_a_row_that_its_bias_alone_turns_on_is_no_or() -> None:
    generator = np.random.default_rng(4)
    fires = generator.random((2 * HALF, 3)) < 0.1
    source = (fires * generator.uniform(0.5, 1.5, fires.shape)).astype(np.float32)
    W = np.array([[1.0, 0.8, 0.0], [0.0, 0.0, 1.0]])
    for bias, label, turned_on in ((0.3, "mixed", False), (-0.2, "or", True)):
        target = np.maximum(source @ W.T + [bias, 0.0], 0).astype(np.float32)
        found = fit_connector(source[:HALF], target[:HALF])
        assert found.b[0] == pytest.approx(bias, abs=0.05)
        ends = [as_end(one[HALF:], "codes") for one in (source, target)]
        reading = read_map_rows(found, *ends, [0])[0]
        assert reading.label == label
        assert all((one.n_alone_on > 0) is turned_on for one in reading.inputs)
