"""Two sides of one crosscoder: planted shares of writing, and no talk of two runs."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

import universality as un
from tests.loading.fixtures import CHECKPOINTS
from universality.checks.crosscoders import are_sides, check_sides, compare_sides
from universality.comparison import Policy

N, D = 60, 12


@pytest.fixture(params=[True, False], ids=["with config", "without"])
def crosscoder(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """20 latents of both sides alike, 20 of the first side, 15 of the second, 5 of neither."""
    rows = torch.randn(N, D, generator=torch.Generator().manual_seed(0))
    first, second = rows.clone(), rows.clone()
    second[20:40] *= 0.01
    first[40:55] *= 0.02
    first[55:], second[55:] = 0, 0
    state = {
        "encoder.weight": torch.stack([rows.T, rows.T]).contiguous(),
        "encoder.bias": torch.zeros(N),
        "decoder.weight": torch.stack([first, second]),
        "decoder.bias": torch.zeros(2, D),
    }
    (tmp_path / "cc").mkdir()
    save_file(state, tmp_path / "cc" / "model.safetensors")
    if request.param:
        config = {"activation_dim": D, "dict_size": N, "num_layers": 2}
        (tmp_path / "cc" / "config.json").write_text(json.dumps(config))
    return tmp_path / "cc"


def test_the_planted_shares_are_found(crosscoder: Path) -> None:
    a, b = (un.load(f"{crosscoder}#{side}") for side in (0, 1))
    sides = compare_sides(a, b)
    assert sides.relative_norm[:20] == pytest.approx(0.5)
    assert sides.relative_norm[20:40] == pytest.approx(0.01 / 1.01)
    assert sides.relative_norm[40:55] == pytest.approx(1 / 1.02)
    assert np.isnan(sides.relative_norm[55:]).all()
    assert (sides.only_a, sides.only_b) == (20 / N, 15 / N)
    assert sides.same_index_cosine is not None
    assert sides.same_index_cosine[:55] == pytest.approx(1)
    assert np.isnan(sides.same_index_cosine[55:]).all()


def test_exchanging_the_sides_exchanges_the_shares(crosscoder: Path) -> None:
    a, b = (un.load(f"{crosscoder}#{side}") for side in (0, 1))
    ab, ba = compare_sides(a, b), compare_sides(b, a)
    np.testing.assert_allclose(ab.relative_norm, 1 - ba.relative_norm)
    assert (ab.only_a, ab.only_b) == (ba.only_b, ba.only_a)


def test_a_comparison_of_sides_says_so_and_has_both_numbers(crosscoder: Path) -> None:
    found = un.compare(f"{crosscoder}#0", f"{crosscoder}#1", Policy(n_draws=2))
    checks = {check["id"]: check for check in found.summary["checks"]}
    assert checks["one_crosscoder"]["status"] == "warn"
    assert "the same by training" in checks["one_crosscoder"]["message"]
    assert (
        "33.3% of its latents write on side a alone, 25.0%" in checks["one_crosscoder"]["message"]
    )
    assert checks["shared_initialisation"]["status"] == "skipped"
    assert found.summary["crosscoder"]["only_a"] == 20 / N
    assert found.summary["crosscoder"]["mean_same_index_cosine"] == pytest.approx(1)
    for table in (found.latents_a, found.latents_b):
        assert table["relative_norm"][:20].to_numpy() == pytest.approx(0.5)
        assert {"relative_norm", "same_index_cosine"} <= set(table)


@pytest.mark.parametrize("penalised", [True, False])
def test_an_l1_penalty_is_warned_of_and_nothing_else_is(crosscoder: Path, penalised: bool) -> None:
    config = {"activation_dim": D, "dict_size": N, "num_layers": 2, "l1_penalty": 0.1 * penalised}
    (crosscoder / "config.json").write_text(json.dumps(config))
    a, b = (un.load(f"{crosscoder}#{side}") for side in (0, 1))
    found = {check.id: check for check in check_sides(a, b)}
    assert ("l1_crosscoder" in found) is penalised
    if penalised:
        assert found["l1_crosscoder"].status == "warn"
        assert "Read 58.3% on one side as too many" in found["l1_crosscoder"].message


def test_the_trainer_that_knows_no_other_loss_is_l1() -> None:
    at = CHECKPOINTS / "crosscoder" / "ckkissane"
    a, b = (un.load(f"{at}#{side}") for side in (0, 1))
    assert [check.id for check in check_sides(a, b)] == ["one_crosscoder", "l1_crosscoder"]


def test_two_crosscoders_and_two_runs_are_two(crosscoder: Path) -> None:
    other = un.load(f"{CHECKPOINTS / 'crosscoder' / 'ckkissane'}#0")
    side = un.load(f"{crosscoder}#0")
    assert not are_sides(side, other)
    assert not are_sides(side, side)
    assert are_sides(other, un.load(f"{CHECKPOINTS / 'crosscoder' / 'ckkissane'}#1"))
    assert check_sides(side, other) == []
