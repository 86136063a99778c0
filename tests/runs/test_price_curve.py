"""The price curve of a comparison: planted pairs are worth a price, unrelated runs are not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from tests.made_runs import make_run, unit_rows
from universality.comparison import Policy, compare
from universality.results import Comparison, read_comparison

FAST = Policy(nulls=("geometry",), n_draws=2)


def _compared(n_shared: int, policy: Policy = FAST, *, n_b: int = 60) -> Comparison:
    decoder, encoder = (unit_rows(60, 48, seed=seed) for seed in (0, 7))
    others = [
        torch.cat([rows[:n_shared], unit_rows(n_b - n_shared, 48, seed=seed)])
        for rows, seed in ((decoder, 1), (encoder, 2))
    ]
    return compare(make_run(decoder, encoder), make_run(*others), policy, partial=True)


def test_planted_pairs_are_worth_every_price() -> None:
    found = _compared(24)
    table, said = found.partial, found.summary["partial"]
    assert table is not None
    high = table[table["price"] >= 0.7]
    assert (high["n_pairs"] == 24).all()
    assert (high["null_fraction"] <= 1 / 60).all()
    assert high["certified"].all()
    assert said["decoder"]["fraction"] == pytest.approx(0.4)
    assert said["decoder"]["null"] == "geometry"
    # The best gain, less what a threshold laid over the assignment gains, is never negative.
    assert (table["gain"] >= table["thresholded_gain"] - 1e-9).all()


def test_unrelated_runs_are_among_the_draws_of_their_null() -> None:
    decoder = _compared(0, Policy(nulls=("geometry",), n_draws=12)).partial
    assert decoder is not None
    curve = decoder[decoder["view"] == "decoder"]
    spread = np.maximum(curve["null_sd"], 1 / 60)
    assert (np.abs(curve["fraction"] - curve["null_fraction"]) < 5 * spread).all()
    assert curve["fraction"].iloc[-1] == 0
    assert (curve["n_pairs"].iloc[-1], curve["gain"].iloc[-1]) == (0, 0)
    assert np.isnan(curve["mean_similarity"].iloc[-1])


def test_runs_of_unequal_size_count_the_smaller_one(tmp_path: Path) -> None:
    found = _compared(15, n_b=30)
    assert found.summary["partial"]["encoder"]["fraction"] == pytest.approx(0.5)
    found.save(tmp_path / "saved")
    again = read_comparison(tmp_path / "saved")
    assert again.partial is not None
    assert found.partial is not None
    assert again.partial.equals(found.partial)


def test_without_the_option_there_is_no_curve() -> None:
    rows = unit_rows(20, 8, seed=0)
    found = compare(make_run(rows, rows), make_run(rows, rows), FAST)
    assert found.partial is None
    assert "partial" not in found.summary
