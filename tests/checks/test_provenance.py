"""Differences in origin that a comparison must mention."""

import pytest
import torch

from universality.checks.provenance import (
    check_context_length,
    check_dataset,
    check_hook,
    check_input_normalization,
    check_model,
)
from universality.dictionary import Dictionary, RunKey, Source
from universality.input_normalization import LayerNorm


def run(**changes):
    return Dictionary(W_dec=torch.ones(3, 2), **changes)


@pytest.mark.parametrize(
    ("check", "field"),
    [(check_model, "model_name"), (check_hook, "hook_name"), (check_dataset, "dataset")],
)
def test_the_run_key_is_compared_field_by_field(check, field):
    one, other = (run(key=RunKey(**{field: name})) for name in ("x", "y"))
    assert check(one, one).status == "ok"
    assert check(one, run()).status == "skipped"
    found = check(one, other)
    assert found.status == "warn"
    assert "differs (x and y)" in found.message


def test_the_context_length_is_found_wherever_the_format_keeps_it():
    saelens = run(source=Source(config={"metadata": {"context_size": 128}}))
    learning = run(source=Source(config={"trainer": {}, "buffer": {"ctx_len": 1024}}))
    assert check_context_length(saelens, saelens).status == "ok"
    assert "differs (128 and 1024)" in check_context_length(saelens, learning).message
    assert check_context_length(saelens, run()).status == "skipped"


def test_input_normalisation():
    assert check_input_normalization(run(), run()).status == "ok"
    assert check_input_normalization(run(), run(input_normalization=LayerNorm())).status == "warn"
