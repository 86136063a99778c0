"""Edits of a hidden state: what they cannot change, and where total and direct effect meet."""

from __future__ import annotations

import pytest
import torch

from tests.models.architectures import ARCHITECTURES, N_LAYERS, WIDTH, made_model, some_tokens
from universality.errors import UnsupportedError
from universality.models.hooks import resolve_hook
from universality.models.interventions import (
    next_token_log_probabilities,
    run_edited,
    stream_map,
)
from universality.models.readout import read_readout

_OF_MLP = ("hook_mlp_out", "mlp.hook_post")
HOOKS = ("hook_resid_pre", "hook_resid_post", "hook_mlp_out", "attn.hook_z", "mlp.hook_post")


def _run(model, name, edit=None):
    tokens = some_tokens()
    return run_edited(model, resolve_hook(model, name), tokens, torch.ones_like(tokens), edit=edit)


@pytest.mark.parametrize("kind", ARCHITECTURES)
@pytest.mark.parametrize("hook", HOOKS)
def test_an_edit_by_zero_changes_nothing(kind: str, hook: str) -> None:
    model = made_model(kind)
    clean, zero = (
        _run(model, f"blocks.1.{hook}", edit) for edit in (None, lambda state: state - 0 * state)
    )
    torch.testing.assert_close(zero.logits, clean.logits, rtol=0, atol=1e-12)


@pytest.mark.parametrize("kind", ARCHITECTURES)
@pytest.mark.parametrize("hook", HOOKS)
def test_nothing_changes_before_the_first_edited_position(kind: str, hook: str) -> None:
    def edit(state):
        changed = state.clone()
        changed[:, 4] += torch.linspace(-1, 1, state.shape[-1], dtype=torch.float64)
        return changed

    model = made_model(kind)
    clean, edited = (_run(model, f"blocks.1.{hook}", one) for one in (None, edit))
    torch.testing.assert_close(edited.logits[:, :4], clean.logits[:, :4], rtol=0, atol=1e-12)
    assert (edited.logits[:, 4] - clean.logits[:, 4]).abs().max() > 1e-4


@pytest.mark.parametrize("kind", ARCHITECTURES)
@pytest.mark.parametrize(("layer", "same"), [(N_LAYERS - 1, True), (0, False)])
def test_total_effect_is_the_direct_one_at_the_last_layer_alone(
    kind: str, layer: int, same: bool
) -> None:
    model, readout = made_model(kind), read_readout(made_model(kind))
    step = torch.linspace(-1, 1, WIDTH, dtype=torch.float64)
    clean, edited = (
        _run(model, f"blocks.{layer}.hook_resid_post", one)
        for one in (None, lambda state: state - step)
    )
    direct = readout.logits(clean.residual - step)
    difference = float((direct - edited.logits).abs().max())
    assert (difference < 1e-5) == same


@pytest.mark.parametrize(
    ("kind", "hook"),
    [
        *((kind, f"{part}") for kind in ("gpt2", "llama") for part in _OF_MLP),
        # What attention adds passes the MLP too, unless both run side by side.
        *(("gpt_neox", part) for part in (*_OF_MLP, "attn.hook_z", "hook_attn_out")),
    ],
)
def test_what_is_written_at_a_part_enters_the_stream_by_its_projection(kind, hook) -> None:
    model, name = made_model(kind), f"blocks.{N_LAYERS - 1}.{hook}"
    width = _run(model, name).state.shape[-1]
    step = torch.linspace(-1, 1, width, dtype=torch.float64)
    clean, edited = (_run(model, name, one) for one in (None, lambda state: state - step))
    moved = stream_map(model, name)(step)
    torch.testing.assert_close(clean.residual - edited.residual, moved.expand_as(clean.residual))


def test_where_outputs_are_normed_again_no_map_is_claimed() -> None:
    model = made_model("gemma2")
    assert stream_map(model, "blocks.0.hook_mlp_out") is None
    assert stream_map(model, "blocks.0.hook_resid_post") is not None


def test_the_state_is_the_one_before_the_edit_and_the_residual_the_one_after() -> None:
    model, name = made_model("gpt2"), f"blocks.{N_LAYERS - 1}.hook_resid_post"
    clean, edited = (_run(model, name, one) for one in (None, lambda state: state + 1))
    torch.testing.assert_close(edited.state, clean.state)
    torch.testing.assert_close(edited.residual, clean.state + 1)


def test_log_probabilities_are_those_of_the_next_token() -> None:
    tokens, logits = some_tokens(2, 5), torch.randn(2, 5, 40, dtype=torch.float64)
    found = next_token_log_probabilities(logits, tokens)
    assert found.shape == (2, 4)
    expected = torch.log_softmax(logits, dim=-1)[1, 2, tokens[1, 3]]
    torch.testing.assert_close(found[1, 2], expected)


def test_a_place_that_only_reads_cannot_be_edited() -> None:
    model = made_model("gpt2")
    with pytest.raises(UnsupportedError, match=r"ln2\.hook_normalized is computed"):
        _run(model, "blocks.0.ln2.hook_normalized", lambda state: state)


@pytest.mark.parametrize("kind", ARCHITECTURES)
def test_neurons_are_what_the_output_projection_reads(kind: str) -> None:
    model = made_model(kind)
    neurons = _run(model, "blocks.1.mlp.hook_post").state
    output = _run(model, "blocks.1.hook_mlp_out").state
    projection = resolve_hook(model, "blocks.1.mlp.hook_post").module
    torch.testing.assert_close(projection(neurons), output)
