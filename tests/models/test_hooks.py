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


def _made(kind: str):
    """Models of two layers of three families, with random weights, biases and norms."""
    import transformers

    common = {"vocab_size": 20}
    match kind:
        case "llama":
            config = transformers.LlamaConfig(
                **common,
                hidden_size=16,
                intermediate_size=32,
                num_hidden_layers=2,
                num_attention_heads=4,
                num_key_value_heads=2,
            )
        case "gpt2":
            config = transformers.GPT2Config(**common, n_embd=16, n_layer=2, n_head=4)
        case "gpt_neox":
            config = transformers.GPTNeoXConfig(
                **common,
                hidden_size=16,
                intermediate_size=32,
                num_hidden_layers=2,
                num_attention_heads=4,
            )
    torch.manual_seed(5)
    model = transformers.AutoModelForCausalLM.from_config(config).eval()
    for parameter in model.parameters():
        parameter.requires_grad_(False).add_(0.1 * torch.randn_like(parameter))
    return model


@pytest.mark.parametrize(
    ("kind", "projection"),
    [
        ("llama", "model.layers.1.self_attn.o_proj"),
        ("gpt2", "transformer.h.1.attn.c_proj"),
        ("gpt_neox", "gpt_neox.layers.1.attention.dense"),
    ],
)
def test_what_the_heads_give_becomes_the_output_of_attention(kind, projection):
    model = _made(kind)
    z, out = _record(model, "blocks.1.attn.hook_z", "blocks.1.hook_attn_out").values()
    assert z.shape == (*TOKENS.shape, 16)
    torch.testing.assert_close(model.get_submodule(projection)(z), out)


@pytest.mark.parametrize(
    ("kind", "norm", "reads"),
    [
        ("llama", "model.layers.1.post_attention_layernorm", "resid_mid"),
        ("gpt2", "transformer.h.1.ln_2", "resid_mid"),
        ("gpt_neox", "gpt_neox.layers.1.post_attention_layernorm", "resid_pre"),
    ],
)
def test_the_norm_before_the_mlp_is_read_before_its_own_weight_and_bias(kind, norm, reads):
    """A parallel layer's second norm reads what the first one reads."""
    model = _made(kind)
    states = _record(model, "blocks.1.ln2.hook_normalized", f"blocks.1.hook_{reads}")
    normalized = states["blocks.1.ln2.hook_normalized"]
    module = model.get_submodule(norm)
    whole = normalized * module.weight + getattr(module, "bias", 0)
    torch.testing.assert_close(whole, module(states[f"blocks.1.hook_{reads}"]))


def test_a_layer_without_a_second_norm_has_no_ln2():
    layer = nn.Module()
    layer.input_layernorm = nn.LayerNorm(4)
    model = nn.Module()
    model.model = nn.Module()
    model.model.layers = nn.ModuleList([layer])
    with pytest.raises(UnsupportedError, match=r"no ln2\.hook_normalized here"):
        resolve_hook(model, "blocks.0.ln2.hook_normalized")
    layer.post_attention_layernorm = nn.Identity()
    with pytest.raises(UnsupportedError, match="Identity is neither LayerNorm nor RMSNorm"):
        resolve_hook(model, "blocks.0.ln2.hook_normalized")
    layer.attn = nn.Identity()
    with pytest.raises(UnsupportedError, match=r"no attn\.hook_z here"):
        resolve_hook(model, "blocks.0.attn.hook_z")
