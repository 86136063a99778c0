"""Addresses as people type them: understood, or answered with the one that was meant."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch

import universality as un
from tests.loading.fixtures import CHECKPOINTS
from universality.errors import FormatError, MissingFileError
from universality.loading.hub import from_browser


@pytest.mark.parametrize(
    "typed", ["org/some-saes", "org/some-saes/layer.3", "org/some-saes@v1.0", "a.b/c_d-e"]
)
def test_a_hub_id_is_answered_with_its_address(typed: str) -> None:
    with pytest.raises(MissingFileError, match=rf"write hf://{typed}$"):
        un.load(typed)


@pytest.mark.parametrize("typed", ["nothing", "./org/name", "/a/b/c", "~/org/name", "a b/c"])
def test_a_path_is_not_taken_for_a_hub_id(typed: str) -> None:
    with pytest.raises(MissingFileError, match="give a path, hf://"):
        un.load(typed)


@pytest.mark.parametrize(
    ("shown", "address"),
    [
        ("https://huggingface.co/org/saes", "hf://org/saes"),
        ("https://huggingface.co/org/saes/", "hf://org/saes"),
        ("huggingface.co/org/saes/tree/main/layer_3", "hf://org/saes@main/layer_3"),
        ("https://hf.co/org/saes/tree/v2", "hf://org/saes@v2"),
        (
            "https://huggingface.co/org/saes/blob/main/a/sae%20weights.safetensors?download=true",
            "hf://org/saes@main/a/sae weights.safetensors",
        ),
        ("org/saes", None),
        ("https://example.org/org/saes", None),
    ],
)
def test_a_page_of_the_hub_is_its_address(shown: str, address: str | None) -> None:
    assert from_browser(shown) == address


@pytest.mark.parametrize("page", ["datasets/org/texts", "docs/hub/index", "org/saes/discussions/3"])
def test_other_pages_of_the_hub_are_refused(page: str) -> None:
    with pytest.raises(FormatError, match="no page of a model repository's files"):
        from_browser(f"https://huggingface.co/{page}")


def test_a_parent_folder_names_the_runs_below_it(tmp_path: Path) -> None:
    for name in ("seed10", "seed2"):
        shutil.copytree(CHECKPOINTS / "saelens" / "topk", tmp_path / "trained" / name)
    (tmp_path / ".cache").mkdir()
    shutil.copytree(CHECKPOINTS / "saelens" / "topk", tmp_path / ".cache" / "hidden")
    with pytest.raises(MissingFileError) as caught:
        un.load(tmp_path)
    words = str(caught.value)
    assert "2 folders below it do: trained/seed2, trained/seed10; name one" in words
    assert "hidden" not in words


@pytest.mark.parametrize("section", ["state_dict", "model_state_dict", "model"])
@pytest.mark.parametrize("prefix", ["", "_orig_mod.", "module.", "module._orig_mod."])
def test_weights_one_level_down_are_read(tmp_path: Path, section: str, prefix: str) -> None:
    whole = un.load(CHECKPOINTS / "goodfire" / next(iter(_names("goodfire"))))
    inner = torch.load(whole.source.weight_files[0], weights_only=True)
    wrapped = {f"{prefix}{name}": tensor for name, tensor in inner.items()}
    torch.save({section: wrapped, "step": 7, "optimizer": {"lr": 0.1}}, tmp_path / "run.pth")
    found = un.load(tmp_path / "run.pth")
    assert torch.equal(found.W_dec, whole.W_dec)
    assert torch.equal(found.directions("encoder"), whole.directions("encoder"))
    assert f"its weights lie under {section!r}" in found.source.assumptions


def test_what_is_not_recognised_one_level_down_is_explained(tmp_path: Path) -> None:
    tensors = {"alpha": torch.ones(3, 4), "beta": torch.ones(4)}
    torch.save({"state_dict": tensors}, tmp_path / "run.pt")
    with pytest.raises(FormatError, match=r"its weights lie under 'state_dict'.+alpha, beta"):
        un.load(tmp_path / "run.pt")


def test_an_early_torch_file_of_saelens_with_a_plain_configuration(tmp_path: Path) -> None:
    folder = CHECKPOINTS / "saelens" / "standard"
    whole = un.load(folder)
    assert whole.W_enc is not None
    tensors = {
        "W_enc": whole.W_enc.T.contiguous(),
        "W_dec": whole.W_dec,
        "b_enc": whole.b_enc,
        "b_dec": whole.b_dec,
    }
    cfg = {"d_in": whole.d_in, "d_sae": whole.d_sae, "hook_point": "blocks.3.hook_resid_pre"}
    torch.save({"cfg": cfg, "state_dict": tensors}, tmp_path / "old.pt")
    found = un.load(tmp_path / "old.pt")
    x = torch.randn(20, whole.d_in, generator=torch.Generator().manual_seed(1))
    assert found.key.hook_name == "blocks.3.hook_resid_pre"
    assert torch.equal(found.encode(x), whole.encode(x))


def _names(library: str) -> list[str]:
    places = sorted(file for file in (CHECKPOINTS / library).iterdir())
    return [place.name for place in places]
