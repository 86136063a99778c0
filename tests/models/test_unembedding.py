from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from tests.tiny_model import D_IN, WORDS, save_tiny_model
from universality.errors import FormatError, InvalidInputError, MissingFileError
from universality.models.language_model import load_language_model
from universality.models.unembedding import load_unembedding


def test_a_models_rows_give_the_logits_of_its_normed_state(tmp_path: Path) -> None:
    folder = save_tiny_model(tmp_path / "tiny")
    unembedding = load_unembedding(folder, d_in=D_IN)
    assert unembedding.strings[1:] == tuple(WORDS)
    assert unembedding.source == "tiny"
    module = load_language_model(folder).module
    state = torch.randn(D_IN, generator=torch.Generator().manual_seed(0))
    expected = module.lm_head(module.model.norm(state)).detach()
    scale = state.pow(2).mean().sqrt()
    torch.testing.assert_close(unembedding.weights @ state / scale, expected, rtol=1e-4, atol=1e-5)


def test_the_weights_of_the_final_norm_count(tmp_path: Path) -> None:
    folder = save_tiny_model(tmp_path / "tiny")
    before = load_unembedding(folder, d_in=D_IN).weights
    model = load_language_model(folder)
    gains = torch.linspace(0.5, 2, D_IN)
    model.module.model.norm.weight.copy_(gains)
    model.module.save_pretrained(folder)
    torch.testing.assert_close(
        load_unembedding(folder, d_in=D_IN).weights, before * gains, rtol=1e-4, atol=1e-6
    )


def test_files_in_either_orientation_are_the_same(tmp_path: Path) -> None:
    matrix = torch.randn(7, 4, generator=torch.Generator().manual_seed(1))
    np.save(tmp_path / "rows.npy", matrix.numpy())
    save_file({"W_U": matrix.T.contiguous(), "b_U": torch.zeros(7)}, tmp_path / "t.safetensors")
    for name in ("rows.npy", "t.safetensors"):
        found = load_unembedding(tmp_path / name, d_in=4, vocabulary={2: " two"})
        assert torch.equal(found.weights, matrix)
        assert found.strings[1:3] == ("<1>", " two")
        assert found.source == name
    (tmp_path / "vocabulary.json").write_text(json.dumps({"2": "zwei"}))
    assert load_unembedding(tmp_path / "rows.npy", d_in=4).strings[2] == "zwei"


def test_what_is_no_unembedding_is_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "square.npy", np.zeros((4, 4)))
    save_file({"x": torch.zeros(2, 4), "y": torch.zeros(2, 4)}, tmp_path / "two.safetensors")
    (tmp_path / "broken.npy").write_bytes(b"no array")
    save_tiny_model(tmp_path / "tiny")
    for name, error, message in (
        ("square.npy", InvalidInputError, r"exactly one side .* length 4.*shape \(4, 4\)"),
        ("two.safetensors", InvalidInputError, "holds x, y; name the matrix one of W_U"),
        ("broken.npy", FormatError, "broken.npy cannot be read"),
        ("absent.npy", MissingFileError, "absent.npy: no such file"),
        ("tiny", InvalidInputError, "states are 16 wide, the directions of the runs 4"),
    ):
        with pytest.raises(error, match=message):
            load_unembedding(tmp_path / name, d_in=4)
