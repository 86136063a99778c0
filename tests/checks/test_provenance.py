"""Differences in origin that a comparison must mention."""

import pytest
import torch

from universality.checks.provenance import (
    check_context_length,
    check_dataset,
    check_hook,
    check_input_normalization,
    check_loading,
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
    assert found.status == ("fail" if check is check_model else "warn")
    assert "differs (x and y)" in found.message


def test_directions_of_different_models_void_unless_left_out_or_declared():
    one, other = (run(key=RunKey(model_name=name)) for name in ("x", "y"))
    left_out = check_model(one, other, directions=False)
    assert left_out.status == "warn"
    assert "left out" in left_out.message
    declared = check_model(one, other, align="shared")
    assert declared.status == "warn"
    assert "--align shared" in declared.message


@pytest.mark.parametrize(
    ("check", "field", "names"),
    [
        (check_model, "model_name", ("gpt2-small", "openai-community/gpt2")),
        (check_hook, "hook_name", ("blocks.1.hook_resid_post", "resid_post_layer_1")),
        (check_hook, "hook_name", ("blocks.2.hook_resid_pre", "transformer.h.1")),
    ],
)
def test_one_thing_under_two_names_is_no_difference(check, field, names):
    found = check(*(run(key=RunKey(**{field: name})) for name in names))
    assert found.status == "ok"
    assert "under two names" in found.message


def test_what_the_names_do_not_tell_is_skipped_and_said():
    folder, known = (run(key=RunKey(model_name=name)) for name in ("my-copy", "gpt2-small"))
    found = check_model(folder, known)
    assert found.status == "skipped"
    assert "whether my-copy and gpt2-small are the same model cannot be told" in found.message


def loaded(**options):
    return run(source=Source(config={"model_from_pretrained_kwargs": options}))


def test_the_way_the_model_was_loaded_is_compared_as_far_as_it_matters():
    plain = loaded(center_writing_weights=False, dtype="bfloat16", n_devices=2)
    centred = loaded(center_writing_weights=True)
    assert check_loading(run(), run()).status == "skipped"
    assert check_loading(plain, loaded()).status == "ok"
    assert check_loading(plain, run()).status == "ok"
    assert check_loading(centred, loaded(center_writing_weights=True, device="cpu")).status == "ok"
    for other in (plain, run()):
        found = check_loading(centred, other)
        assert found.status == "warn"
        assert "(center_writing_weights; and no such change)" in found.message
    assert check_loading(loaded(revision="step1000"), loaded(revision="step2000")).status == "warn"


def test_the_context_length_is_found_wherever_the_format_keeps_it():
    saelens = run(source=Source(config={"metadata": {"context_size": 128}}))
    learning = run(source=Source(config={"trainer": {}, "buffer": {"ctx_len": 1024}}))
    assert check_context_length(saelens, saelens).status == "ok"
    assert "differs (128 and 1024)" in check_context_length(saelens, learning).message
    assert check_context_length(saelens, run()).status == "skipped"


def test_input_normalisation():
    assert check_input_normalization(run(), run()).status == "ok"
    assert check_input_normalization(run(), run(input_normalization=LayerNorm())).status == "warn"
