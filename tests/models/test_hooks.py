"""Hooked states against the hidden states that transformers itself reports."""

import pytest
import torch
from torch import nn

from tests.tiny_model import save_tiny_model
from universality.errors import InvalidInputError, UnsupportedError
from universality.models.hooks import record, resolve_hook
from universality.models.language_model import load_language_model

TOKENS = torch.tensor([[1, 2, 3, 4], [5, 6, 7, 8]])
MASK = torch.ones_like(TOKENS)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return load_language_model(save_tiny_model(tmp_path_factory.mktemp("tiny"))).module


def _record(model, *names):
    return record(model, [resolve_hook(model, name) for name in names], TOKENS, MASK)


def _hidden_states(model):
    with torch.no_grad():
        return model(TOKENS, attention_mask=MASK, output_hidden_states=True).hidden_states


@pytest.mark.parametrize("layer", [0, 1])
def test_residual_stream_is_what_transformers_reports(model, layer):
    states = _record(model, f"blocks.{layer}.hook_resid_pre", f"blocks.{layer}.hook_resid_post")
    hidden = _hidden_states(model)
    torch.testing.assert_close(states[f"blocks.{layer}.hook_resid_pre"], hidden[layer])
    torch.testing.assert_close(states[f"blocks.{layer}.hook_resid_post"], hidden[layer + 1])


def test_a_layer_adds_its_attention_and_its_mlp_to_the_stream(model):
    kinds = ("resid_pre", "attn_out", "mlp_out", "resid_post")
    states = _record(model, *(f"blocks.1.hook_{kind}" for kind in kinds))
    pre, attention, mlp, post = (states[f"blocks.1.hook_{kind}"] for kind in kinds)
    torch.testing.assert_close(pre + attention + mlp, post)


def test_the_middle_of_a_layer_is_between_its_attention_and_its_mlp(model):
    states = _record(model, *(f"blocks.1.hook_{k}" for k in ("resid_pre", "attn_out", "resid_mid")))
    pre, attention, middle = states.values()
    torch.testing.assert_close(pre + attention, middle)


@pytest.mark.parametrize("trait", ["use_parallel_residual", "post_feedforward_layernorm"])
def test_layer_whose_second_norm_does_not_read_the_stream_has_no_middle(trait):
    layer = nn.Module()
    layer.post_attention_layernorm = nn.Identity()
    setattr(layer, trait, nn.Identity())
    model = nn.Module()
    model.model = nn.Module()
    model.model.layers = nn.ModuleList([layer])
    with pytest.raises(UnsupportedError, match="no hook_resid_mid here"):
        resolve_hook(model, "blocks.0.hook_resid_mid")


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("kind", ["resid_mid", "resid_post", "attn_out", "mlp_out"])
def test_padding_on_either_side_changes_no_state(model, side, kind):
    name = f"blocks.2.hook_{kind}"
    hook, length = resolve_hook(model, name), 9
    texts = [torch.arange(1, 1 + n) for n in (9, 5, 2)]
    tokens, mask = torch.zeros(2, len(texts), length, dtype=torch.long)
    for row, text in enumerate(texts):
        place = slice(length - len(text), None) if side == "left" else slice(len(text))
        tokens[row, place], mask[row, place] = text, 1
    together = record(model, [hook], tokens, mask)[name]
    for row, text in enumerate(texts):
        alone = record(model, [hook], text[None], torch.ones_like(text[None]))[name][0]
        torch.testing.assert_close(together[row, mask[row].bool()], alone, rtol=1e-4, atol=1e-5)


def test_layers_above_the_last_hook_do_not_run(model):
    ran = []
    handle = model.model.layers[2].register_forward_pre_hook(lambda *_: ran.append(2))
    try:
        _record(model, "blocks.1.hook_resid_post")
    finally:
        handle.remove()
    assert ran == []


def _n_hooks(model):
    return [(len(m._forward_hooks), len(m._forward_pre_hooks)) for m in model.modules()]


def test_recording_leaves_no_hook_behind(model):
    before = _n_hooks(model)
    _record(model, "blocks.0.hook_mlp_out", "blocks.1.hook_resid_pre")
    assert _n_hooks(model) == before


@pytest.mark.parametrize("name", ["blocks.0.hook_z", "resid_post", "blocks.-1.hook_resid_post"])
def test_unknown_hook_names_what_is_known(model, name):
    with pytest.raises(InvalidInputError, match=r"--hook.*expected blocks.N.hook_resid_post"):
        resolve_hook(model, name)


def test_layer_out_of_range_names_the_range(model):
    with pytest.raises(InvalidInputError, match="layers 0 to 2"):
        resolve_hook(model, "blocks.3.hook_resid_post")


def test_model_without_a_known_list_of_layers():
    with pytest.raises(UnsupportedError, match="Linear: no list of layers"):
        resolve_hook(nn.Linear(2, 2), "blocks.0.hook_resid_post")


def test_layer_without_an_mlp():
    model = nn.Module()
    model.model = nn.Module()
    model.model.layers = nn.ModuleList([nn.Linear(2, 2)])
    with pytest.raises(UnsupportedError, match="no mlp or feed_forward"):
        resolve_hook(model, "blocks.0.hook_mlp_out")
