"""Effective partners in a comparison: one where shared, two where split, many where unrelated."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from tests.made_runs import make_run, unit_rows
from universality.comparison import Policy, compare
from universality.errors import InvalidInputError
from universality.results import read_comparison

FAST = Policy(nulls=("geometry",), n_draws=2)


def test_shared_latents_have_one_partner_and_split_ones_two(tmp_path: Path) -> None:
    decoder, encoder = unit_rows(40, 48, seed=0), unit_rows(40, 48, seed=7)
    twice = torch.arange(40).repeat_interleave(2)
    found = compare(
        make_run(decoder, encoder),
        make_run(decoder[twice], encoder[twice]),
        FAST,
        transport=0.02,
    )
    table, said = found.transport, found.summary["transport"]["decoder"]
    assert table is not None
    of_a = table[(table["view"] == "decoder") & (table["side"] == "a")]
    of_b = table[(table["view"] == "encoder") & (table["side"] == "b")]
    assert of_a["effective_partners"].to_numpy() == pytest.approx(2, abs=0.02)
    assert of_b["effective_partners"].to_numpy() == pytest.approx(1, abs=0.02)
    assert of_b["partner"].tolist() == twice.tolist()
    assert (said["a"]["one_partner"], said["b"]["one_partner"]) == (0, 1)
    assert said["b"]["null_one_partner"] < 0.5
    assert said["mean"] == pytest.approx(1, abs=1e-3)
    assert said["null_mean"] < 0.6
    found.save(tmp_path / "saved")
    again = read_comparison(tmp_path / "saved").transport
    assert again is not None
    assert again.equals(table)


def test_a_temperature_must_be_one() -> None:
    rows = unit_rows(20, 8, seed=0)
    for temperature in (0.0, 2.0, np.nan):
        with pytest.raises(InvalidInputError, match="transport must be a number in"):
            compare(make_run(rows, rows), make_run(rows, rows), FAST, transport=temperature)
