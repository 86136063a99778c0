"""Names of one model and one place, as TransformerLens, the hub and three trainers spell them."""

from __future__ import annotations

import pytest

from universality.naming import (
    model_key,
    place_key,
    place_or_unknown,
    read_model,
    read_place,
    same_model,
    same_place,
)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("gpt2-small", "openai-community/gpt2"),
        ("gpt2-small", "gpt2"),
        ("EleutherAI/pythia-70m-deduped", "pythia-70m-deduped"),
        ("pythia-125m-deduped-v0", "EleutherAI/pythia-160m-deduped-v0"),
        ("google/gemma-2-2b", "gemma-2-2b"),
        ("gemma-v3-1b-pt", "google/gemma-3-1b-pt"),
        ("meta-llama/Meta-Llama-3.1-8B", "meta-llama/Llama-3.1-8B"),
        ("mistral-7b", "mistralai/Mistral-7B-v0.1"),
        ("roneneldan/TinyStories-33M", "tiny-stories-33M"),
        ("SmolLM2-135M.Q8_0.gguf", "HuggingFaceTB/SmolLM2-135M"),
        ("org/model@main", "org/model"),
        ("tiny", "tiny"),
    ],
)
def test_one_model_under_two_names(a: str, b: str) -> None:
    assert same_model(a, b) is True
    assert same_model(b, a) is True


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("org/model-distill-8b", "other/base-8b"),
        ("gpt2-small", "gpt2-medium"),
        ("pythia-70m", "pythia-70m-deduped"),
        ("google/gemma-2-2b", "google/gemma-2-2b-it"),
        ("org/model@step1000", "org/model@step2000"),
        ("SmolLM2-135M-Instruct.Q4_1.gguf", "HuggingFaceTB/SmolLM2-135M"),
        ("tiny", "tiny, random weights of seed 3"),
        ("mine-a", "mine-b"),
    ],
)
def test_two_models(a: str, b: str) -> None:
    assert same_model(a, b) is False
    assert same_model(b, a) is False


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (None, "gpt2"),
        ("unknown", "gpt2"),
        ("my-folder", "gpt2-small"),
        ("alice/gpt2", "bob/gpt2"),
        ("607a30d783dfa663caf39e06633721c8d4cfcd7e", "gpt2"),
    ],
)
def test_what_the_names_of_models_do_not_tell(a: str | None, b: str) -> None:
    assert same_model(a, b) is None
    assert same_model(b, a) is None


def test_keys_are_equal_for_names_that_surely_mean_one_thing() -> None:
    assert model_key("gpt2-small") == model_key("openai-community/gpt2")
    assert len({model_key(name) for name in ("gpt2", "alice/gpt2", "bob/gpt2", "mine", None)}) == 5
    assert place_key("resid_post_layer_1") == place_key("blocks.1.hook_resid_post")
    assert place_key("acts") == "acts"
    assert place_key(None) is None


def test_how_a_model_normalises_where_its_name_tells() -> None:
    norms = {
        "gpt2-small": "layer",
        "EleutherAI/pythia-70m": "layer",
        "gelu-1l": "layer",
        "google/gemma-2-2b": "rms",
        "meta-llama/Llama-3.1-8B": "rms",
        "HuggingFaceTB/SmolLM2-135M": "rms",
        "org/something-new": None,
    }
    for name, norm in norms.items():
        model = read_model(name)
        assert model is not None
        assert model.norm == norm


@pytest.mark.parametrize(
    ("spelt", "place"),
    [
        ("blocks.7.hook_resid_post", "blocks.7.hook_resid_post"),
        ("blocks.8.hook_resid_pre", "blocks.7.hook_resid_post"),
        ("blocks.0.hook_resid_pre", "blocks.0.hook_resid_pre"),
        ("resid_post_layer_7", "blocks.7.hook_resid_post"),
        ("mlp_out_layer_3", "blocks.3.hook_mlp_out"),
        ("attn_out_layer3", "blocks.3.hook_attn_out"),
        ("layer_13_out", "blocks.13.hook_resid_post"),
        ("layers.10", "blocks.10.hook_resid_post"),
        ("h.3", "blocks.3.hook_resid_post"),
        ("transformer.h.3.attn", "blocks.3.hook_attn_out"),
        ("gpt_neox.layers.5.mlp", "blocks.5.hook_mlp_out"),
        ("model.layers.12.output", "blocks.12.hook_resid_post"),
        ("model.layers.12.input", "blocks.11.hook_resid_post"),
        ("blocks.2.attn.hook_z", "blocks.2.attn.hook_z"),
        ("acts", None),
        ("model.layers.24.post_feedforward_layernorm.output", None),
        (None, None),
    ],
)
def test_a_place_however_it_is_spelt(spelt: str | None, place: str | None) -> None:
    assert read_place(spelt) == place


def test_places_are_compared_as_far_as_their_names_tell() -> None:
    assert same_place("resid_post_layer_1", "blocks.1.hook_resid_post") is True
    assert same_place("blocks.2.hook_resid_pre", "h.1") is True
    assert same_place("resid_post_layer_1", "blocks.2.hook_resid_post") is False
    assert same_place("blocks.1.hook_mlp_out", "blocks.1.hook_resid_post") is False
    assert same_place("acts", "blocks.1.hook_resid_post") is None
    assert same_place("acts", "other acts") is False
    assert same_place("unknown", "acts") is None
    assert place_or_unknown("acts") == "unknown"
    assert place_or_unknown("layers.10") == "layers.10"
