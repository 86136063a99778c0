import json

import pytest
import torch

from tests.tiny_model import save_tiny_model
from universality.errors import FormatError, InvalidInputError, MissingFileError
from universality.models.language_model import load_language_model, tokenizer_hash
from universality.models.precision import resolve_dtype


def test_folder_loads_in_the_dtype_asked_for_and_is_named_without_its_path(tmp_path):
    model = load_language_model(save_tiny_model(tmp_path / "tiny"), dtype=torch.bfloat16)
    assert model.name == "tiny"
    assert model.dtype == torch.bfloat16
    assert model.device.type == "cpu"
    assert not model.module.training


def test_tokenizer_hash_sees_the_vocabulary(tmp_path):
    tokenizer = load_language_model(save_tiny_model(tmp_path / "tiny")).tokenizer
    before = tokenizer_hash(tokenizer)
    assert before == tokenizer_hash(tokenizer)
    tokenizer.add_tokens(["zebra"])
    assert tokenizer_hash(tokenizer) != before


def test_missing_path_that_is_no_hub_id():
    with pytest.raises(MissingFileError, match="no such folder or file, and no hub id"):
        load_language_model("absent/folder/of/models")


def test_folder_without_config_points_at_a_gguf_beside(tmp_path):
    (tmp_path / "model.gguf").touch()
    with pytest.raises(MissingFileError, match=r"did you mean .*model\.gguf\?"):
        load_language_model(tmp_path)


def test_folder_that_transformers_cannot_read(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(FormatError, match="transformers cannot load"):
        load_language_model(tmp_path)


@pytest.mark.parametrize("random_weights", [None, 3])
def test_code_of_a_model_folder_never_runs_and_nobody_is_asked(
    tmp_path, monkeypatch, random_weights
):
    """Transformers asks on the terminal whether to run `auto_map` code: a `y` must not reach it."""
    folder = save_tiny_model(tmp_path / "tiny")
    config = json.loads((folder / "config.json").read_text())
    config |= {
        "model_type": "unheard_of",
        "auto_map": {"AutoConfig": "own.Config", "AutoModelForCausalLM": "own.Model"},
    }
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "own.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n")
    monkeypatch.setattr("builtins.input", lambda *_: "y")
    with pytest.raises(FormatError, match="only by running code that comes with it") as caught:
        load_language_model(folder, random_weights=random_weights)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "ran").exists()


def test_unknown_dtype():
    with pytest.raises(InvalidInputError, match="--dtype must be auto, float32 or bfloat16"):
        resolve_dtype("int8")


def test_random_weights_are_seeded_untrained_and_named(tmp_path):
    """Transformers draws Llama's matrices with a standard deviation of .02 and its norms as 1."""
    folder = save_tiny_model(tmp_path / "tiny", seed=3)
    state = torch.get_rng_state()
    models = [load_language_model(folder, random_weights=seed) for seed in (3, 3, 4)]
    assert torch.equal(torch.get_rng_state(), state)
    assert models[0].name == "tiny, random weights of seed 3"
    rows = [model.module.model.layers[0].mlp.up_proj.weight for model in models]
    assert torch.equal(rows[0], rows[1])
    assert float(rows[0].std()) == pytest.approx(0.02, rel=0.15)
    assert abs(float((rows[0] * rows[2]).mean())) < 1e-4
    assert torch.equal(models[0].module.model.norm.weight, torch.ones(16))
    assert tokenizer_hash(models[0].tokenizer) == tokenizer_hash(
        load_language_model(folder).tokenizer
    )
