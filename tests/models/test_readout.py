"""The probed norm and head against the model's own logits, on four architectures."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from tests.models.architectures import ARCHITECTURES, N_LAYERS, WIDTH, made_model, some_tokens
from universality.errors import InvalidInputError, UnsupportedError
from universality.models.blocks import find_blocks
from universality.models.hooks import resolve_hook
from universality.models.interventions import run_edited
from universality.models.readout import read_readout


@pytest.mark.parametrize("kind", ARCHITECTURES)
def test_logits_rebuilt_from_the_probed_norm_are_the_models_own(kind: str) -> None:
    model, tokens = made_model(kind), some_tokens()
    heads = []
    handle = model.get_output_embeddings().register_forward_hook(
        lambda *seen: heads.append(seen[2])
    )
    hook = resolve_hook(model, f"blocks.{N_LAYERS - 1}.hook_resid_post")
    passed = run_edited(model, hook, tokens, torch.ones_like(tokens))
    handle.remove()
    readout = read_readout(model)
    torch.testing.assert_close(readout.head_logits(passed.residual), heads[0], rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(readout.logits(passed.residual), passed.logits, rtol=1e-5, atol=1e-5)


def test_what_each_architecture_does_is_told_apart() -> None:
    found = {kind: read_readout(made_model(kind)) for kind in ARCHITECTURES}
    assert {kind: one.norm for kind, one in found.items()} == {
        "gpt2": "layer norm",
        "llama": "RMS norm",
        "gpt_neox": "layer norm",
        "gemma2": "RMS norm",
    }
    assert {kind: one.tied for kind, one in found.items()} == {
        "gpt2": True,
        "llama": False,
        "gpt_neox": False,
        "gemma2": True,
    }
    assert found["gemma2"].softcap == 2
    assert "softcap at 2 not folded" in found["gemma2"].description
    assert found["gpt2"].eps == pytest.approx(1e-5, rel=1e-3)
    assert found["llama"].eps == pytest.approx(1e-6, rel=0.05)


@pytest.mark.parametrize("kind", ARCHITECTURES)
def test_folded_weights_are_the_slope_of_the_logits(kind: str) -> None:
    """Differences of logits along a direction, times the size of the state, for a small step."""
    readout = read_readout(made_model(kind))
    generator = torch.Generator().manual_seed(2)
    state, step = torch.randn(2, WIDTH, generator=generator, dtype=torch.float64)
    if readout.norm == "layer norm":
        state = state - state.mean()
    step = step - state * (step @ state) / state.square().sum()  # leaves the size as it is
    if readout.norm == "layer norm":
        step = step - step.mean()
    size = (state.square().mean() + readout.eps).sqrt()
    slope = (readout.head_logits(state + 1e-6 * step) - readout.head_logits(state)) / 1e-6
    torch.testing.assert_close(slope * size, readout.folded @ step, rtol=1e-3, atol=1e-3)


def test_an_odd_width_is_probed_too() -> None:
    import transformers

    torch.manual_seed(0)
    config = transformers.LlamaConfig(
        vocab_size=20,
        hidden_size=15,
        intermediate_size=8,
        num_hidden_layers=1,
        num_attention_heads=1,
        head_dim=8,
    )
    model = transformers.LlamaForCausalLM(config).eval().double().requires_grad_(False)
    gains = torch.linspace(-1, 2, 15, dtype=torch.float64)
    model.model.norm.weight.copy_(gains)
    torch.testing.assert_close(read_readout(model).gain, gains, rtol=1e-5, atol=1e-6)


def test_a_model_without_a_head_says_so() -> None:
    import transformers

    model = transformers.GPT2Model(
        transformers.GPT2Config(vocab_size=20, n_embd=8, n_layer=1, n_head=2)
    )
    with pytest.raises(UnsupportedError, match="GPT2Model has no head"):
        read_readout(model)


class TestBlocks:
    @pytest.mark.parametrize("kind", ARCHITECTURES)
    def test_are_the_only_list_as_long_as_the_config_says(self, kind: str) -> None:
        assert len(find_blocks(made_model(kind))) == N_LAYERS

    def test_a_list_in_a_list_is_no_candidate(self) -> None:
        model = nn.Module()
        model.layers = nn.ModuleList([nn.Module()])
        model.layers[0].experts = nn.ModuleList([nn.Linear(1, 1)])
        assert find_blocks(model) is model.layers

    def test_of_several_a_path_is_asked_for_and_taken(self) -> None:
        model = nn.Module()
        model.encoder, model.decoder = (
            nn.ModuleList([nn.Linear(1, 1)]),
            nn.ModuleList([nn.Linear(1, 1)]),
        )
        with pytest.raises(UnsupportedError, match=r"several \(encoder, decoder\).*--blocks"):
            find_blocks(model)
        assert find_blocks(model, "decoder") is model.decoder

    @pytest.mark.parametrize(
        ("path", "message"),
        [("nowhere", "--blocks 'nowhere'"), ("layers.0", "a Linear and no list.*layers")],
    )
    def test_a_path_that_is_none_says_what_is_there(self, path: str, message: str) -> None:
        model = nn.Module()
        model.layers = nn.ModuleList([nn.Linear(1, 1)])
        with pytest.raises(InvalidInputError, match=message):
            find_blocks(model, path)
