"""What cannot be told is asked for, and what is broken is named: file, key, and what to do."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

import universality as un
from tests.loading.fixtures import CHECKPOINTS, expected
from universality.errors import (
    FormatError,
    InvalidInputError,
    MissingFileError,
    UniversalityError,
    UnsupportedError,
)


@pytest.fixture
def topk(tmp_path: Path) -> Path:
    """A SAELens folder to break."""
    return Path(shutil.copytree(CHECKPOINTS / "saelens" / "topk", tmp_path / "topk"))


def _refusal(address: object, **options: object) -> str:
    with pytest.raises(UniversalityError) as caught:
        un.load(address, **options)
    assert len(str(caught.value).splitlines()) == 1
    return str(caught.value)


def _configure(folder: Path, **changes: object) -> None:
    config = json.loads((folder / "cfg.json").read_text())
    (folder / "cfg.json").write_text(json.dumps({**config, **changes}))


def _spoil(folder: Path, **changes: torch.Tensor) -> None:
    path = folder / "sae_weights.safetensors"
    save_file(load_file(path) | changes, path)


def test_a_missing_path(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError, match="no such file or folder"):
        un.load(tmp_path / "nothing")


def test_a_folder_without_weights(tmp_path: Path) -> None:
    (tmp_path / "cfg.json").write_text("{}")
    with pytest.raises(MissingFileError, match="holds no weights"):
        un.load(tmp_path)


def test_nan_is_named_by_key_and_first_row(topk: Path) -> None:
    W_dec = load_file(topk / "sae_weights.safetensors")["W_dec"]
    W_dec[5, 3] = float("nan")
    _spoil(topk, W_dec=W_dec)
    with pytest.raises(InvalidInputError, match="W_dec holds NaN or infinity, first in row 5"):
        un.load(topk)


def test_zero_rows_are_kept(topk: Path) -> None:
    W_dec = load_file(topk / "sae_weights.safetensors")["W_dec"]
    W_dec[5] = 0
    _spoil(topk, W_dec=W_dec)
    assert float(un.load(topk).W_dec[5].norm()) == 0


def test_a_truncated_file(topk: Path) -> None:
    path = topk / "sae_weights.safetensors"
    path.write_bytes(path.read_bytes()[:500])
    assert "sae_weights.safetensors cannot be read, it is damaged or incomplete" in _refusal(topk)


def test_an_unknown_architecture(topk: Path) -> None:
    _configure(topk, architecture="hypernetwork")
    assert "unknown architecture 'hypernetwork'; known are standard" in _refusal(topk)


def test_a_width_that_the_tensors_do_not_have(topk: Path) -> None:
    _configure(topk, d_sae=25)
    assert "W_dec must have shape (25, 8), found (24, 8)" in _refusal(topk)


@pytest.mark.parametrize(("k", "words"), [(25, "k=25 must lie between"), ("4", "must be a number")])
def test_a_k_that_cannot_be(topk: Path, k: object, words: str) -> None:
    _configure(topk, k=k)
    assert words in _refusal(topk)


def test_an_unknown_normalisation(topk: Path) -> None:
    _configure(topk, normalize_activations="whatever")
    assert "unknown normalize_activations 'whatever'" in _refusal(topk)


def test_an_unfolded_checkpoint_without_its_factor_gives_directions_only(topk: Path) -> None:
    _configure(topk, normalize_activations="expected_average_only_in")
    dictionary = un.load(topk)
    assert dictionary.directions("encoder").shape == (24, 8)
    with pytest.raises(UnsupportedError, match="scaled by a factor that no file states"):
        dictionary.encode(torch.zeros(1, 8))


def test_sparsity_that_is_no_logarithm(topk: Path) -> None:
    save_file({"sparsity": torch.full((24,), 0.5)}, topk / "sparsity.safetensors")
    assert "must hold log10 of firing rates" in _refusal(topk)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"\xff\xfe", "is no readable JSON"),
        (b"[" * 100_000, "is no readable JSON"),
        (b"[]", "must hold a mapping, found a list"),
    ],
)
def test_a_configuration_that_is_none(topk: Path, text: bytes, words: str) -> None:
    (topk / "cfg.json").write_bytes(text)
    assert words in _refusal(topk)


def test_two_formats_in_one_folder_are_named(topk: Path) -> None:
    for file in (CHECKPOINTS / "dictionary_learning" / "topk").iterdir():
        shutil.copy(file, topk)
    message = _refusal(topk)
    assert "ae.pt (dictionary_learning), sae_weights.safetensors (saelens)" in message
    assert "name the file, or pass --format" in message
    assert un.load(topk, format="saelens").source.format == "saelens"
    assert un.load(topk / "ae.pt").source.format == "dictionary_learning"


def test_top_k_without_its_class_is_refused_with_the_flag() -> None:
    path = CHECKPOINTS / "dictionary_learning" / "topk-without-config"
    assert "pass --format dictionary_learning:topk or dictionary_learning:batchtopk" in _refusal(
        path
    )


@pytest.mark.parametrize("suffix", ["npy", "safetensors"])
def test_a_square_bare_decoder_asks_for_its_orientation(tmp_path: Path, suffix: str) -> None:
    square = torch.randn(8, 8, generator=torch.Generator().manual_seed(0))
    path = tmp_path / f"decoder.{suffix}"
    if suffix == "npy":
        np.save(path, square.numpy())
    else:
        save_file({"W_dec": square}, path)
    assert "pass --orientation rows or --orientation columns" in _refusal(path)
    assert torch.equal(un.load(path, orientation="rows").W_dec, square)
    assert torch.equal(un.load(path, orientation="columns").W_dec, square.T)


def test_square_weights_that_only_key_names_orient_ask_too(tmp_path: Path) -> None:
    generator = torch.Generator().manual_seed(0)
    state = {name: torch.randn(8, 8, generator=generator) for name in ("W_enc", "W_dec")}
    state |= {name: torch.randn(8, generator=generator) for name in ("b_enc", "b_dec")}
    torch.save(state, tmp_path / "layer3.sae.pt")
    assert "W_dec is square (8 x 8)" in _refusal(tmp_path)
    usual = un.load(tmp_path, orientation="columns", format="qwen_scope:4")
    turned = un.load(tmp_path, orientation="rows", format="qwen_scope:4")
    assert torch.equal(usual.W_dec, state["W_dec"].T)
    assert torch.equal(usual.W_enc, state["W_enc"])
    assert torch.equal(turned.W_dec, state["W_dec"])
    assert torch.equal(turned.W_enc, state["W_enc"].T)


def test_a_square_saelens_file_needs_no_word(tmp_path: Path) -> None:
    """SAELens' own layout is one; its configuration says that the file is SAELens'."""
    config = {"d_in": 8, "d_sae": 8, "architecture": "standard"}
    (tmp_path / "cfg.json").write_text(json.dumps(config))
    weights = {name: torch.randn(8, 8) for name in ("W_enc", "W_dec")}
    biases = {name: torch.zeros(8) for name in ("b_enc", "b_dec")}
    save_file(weights | biases, tmp_path / "sae_weights.safetensors")
    assert torch.equal(un.load(tmp_path).W_dec, weights["W_dec"])


def test_a_bare_decoder_takes_its_longer_side_for_latents_and_says_so(tmp_path: Path) -> None:
    np.save(tmp_path / "decoder.npy", np.ones((8, 24), np.float32))
    dictionary = un.load(tmp_path / "decoder.npy")
    assert dictionary.W_dec.shape == (24, 8)
    assert "--orientation says otherwise" in dictionary.source.assumptions[0]
    assert un.load(tmp_path / "decoder.npy", orientation="rows").W_dec.shape == (8, 24)


def test_tensors_of_no_known_format_are_listed(tmp_path: Path) -> None:
    save_file({"alpha": torch.zeros(2, 2), "beta": torch.zeros(3, 3)}, tmp_path / "x.safetensors")
    message = _refusal(tmp_path)
    assert "no known format; x.safetensors holds alpha, beta" in message
    assert "--format" in message


def test_an_unknown_format_or_orientation(topk: Path) -> None:
    assert "unknown format 'saelense'; known are" in _refusal(topk, format="saelense")
    assert "orientation must be one of 'rows', 'columns'" in _refusal(topk, orientation="up")


def test_a_part_of_a_file_that_holds_several() -> None:
    path = CHECKPOINTS / "crosscoder" / "ckkissane"
    assert "holds 2 dictionaries: name one, by adding one of #0, #1" in _refusal(path)
    assert "no '7' among them" in _refusal(f"{path}#7")
    whole = CHECKPOINTS / "saelens" / "topk"
    assert "holds one dictionary; drop #0" in _refusal(f"{whole}#0")


def test_several_checkpoints_side_by_side(tmp_path: Path) -> None:
    for name in ("a.npy", "b.npy"):
        np.save(tmp_path / name, np.ones((24, 8), np.float32))
    assert "holds 2 checkpoints: a.npy (bare), b.npy (bare); name one" in _refusal(tmp_path)


def test_sparsify_without_its_configuration(tmp_path: Path) -> None:
    shutil.copy(CHECKPOINTS / "sparsify" / "topk" / "sae.safetensors", tmp_path)
    assert "has no cfg.json, which states k" in _refusal(tmp_path)


def test_what_is_no_dictionary_of_one_layer(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(CHECKPOINTS / "lm_saes" / "jumprelu", tmp_path / "lm"))
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "sae_type": "crosscoder"}))
    assert "sae_type 'crosscoder' is no dictionary of one layer" in _refusal(folder)


def test_qwens_k_comes_from_the_name_or_the_user(tmp_path: Path) -> None:
    source = CHECKPOINTS / "qwen_scope" / "SAE-Res-Qwen3-1.7B-Base-W32K-L0_4" / "layer3.sae.pt"
    shutil.copy(source, tmp_path)
    with pytest.raises(UnsupportedError, match="pass --format qwen_scope:K"):
        un.load(tmp_path).encode(torch.zeros(1, 8))
    theirs = expected("qwen_scope/topk")
    codes = un.load(tmp_path, format="qwen_scope:4").encode(theirs["x"])
    assert torch.equal(codes != 0, theirs["codes"] != 0)
    assert "needs a number" in _refusal(tmp_path, format="qwen_scope:four")


def test_an_unstated_class_of_overcomplete_gives_directions_only() -> None:
    path = CHECKPOINTS / "overcomplete" / "topk"
    with pytest.raises(UnsupportedError, match="pass --format overcomplete:relu"):
        un.load(path).encode(torch.zeros(1, 8))
    assert "got 'max'" in _refusal(path, format="overcomplete:max")


def test_a_link_to_nowhere(tmp_path: Path) -> None:
    (tmp_path / "decoder.npy").symlink_to("nowhere")
    with pytest.raises(MissingFileError):
        un.load(tmp_path / "decoder.npy")


def test_a_file_of_objects_is_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "decoder.npy", np.array([{"a": 1}]), allow_pickle=True)
    with pytest.raises(FormatError, match="pickled Python objects"):
        un.load(tmp_path / "decoder.npy")
