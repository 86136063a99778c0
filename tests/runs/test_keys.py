"""Cells of a grid hold runs that differ in the seed alone, however the rest is spelt."""

from __future__ import annotations

import pandas as pd

from universality.dictionary import RunKey
from universality.runs.keys import cells_of


def test_one_model_and_place_under_two_names_is_one_cell() -> None:
    keys = [
        RunKey("gpt2-small", "blocks.1.hook_resid_post", 64, 0),
        RunKey("openai-community/gpt2", "resid_post_layer_1", 64, 1),
        RunKey("gpt2-small", "resid_post_layer_2", 64, 0),
    ]
    pairs = pd.DataFrame({"a": ["x"], "b": ["y"], "view": ["decoder"], "mean": [0.5]})
    cells = cells_of(keys, ["x", "y", "z"], pairs)
    assert [cell["runs"] for cell in cells] == [["x", "y"], ["z"]]
    assert cells[0]["model_name"] == "gpt2-small"
    assert cells[0]["seeds"] == [0, 1]
    assert cells[0]["views"]["decoder"]["n_pairs"] == 1
