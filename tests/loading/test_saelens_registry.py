"""release:sae_id, looked up in the installed package's list without importing the package."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest
import torch

import universality as un
from tests.loading.fixtures import CHECKPOINTS, difference, expected
from universality.checks.provenance import check_loading
from universality.errors import MissingDependencyError, MissingFileError
from universality.input_normalization import ConstantNorm, NoNormalization
from universality.loading import saelens_registry

pytest.importorskip("yaml")
pytest.importorskip("huggingface_hub")

COMMIT = "0123456789abcdef0123456789abcdef01234567"
REGISTRY = """
gpt2-made-up:
  repo_id: org/saes
  model: gpt2-small
  conversion_func: null
  saes:
  - id: layer_8
    path: layer.8/unfolded
    l0: 40
    norm_scaling_factor: 1.7
  - id: sae_group:v1
    path: layer.8/topk
gpt2-corrected:
  repo_id: org/saes
  model: gpt2-small
  conversion_func: null
  config_overrides:
    dataset_path: org/texts
    normalize_activations: constant_norm_rescale
  saes:
  - id: layer_8
    path: layer.8/topk
gpt2-centred:
  repo_id: org/saes
  model: gpt2-small
  conversion_func: null
  config_overrides:
    model_from_pretrained_kwargs:
      center_writing_weights: true
  saes:
  - id: layer_8
    path: layer.8/topk
"""


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A package sae_lens that must not be imported, and a cache that holds its dictionaries."""
    package = tmp_path / "site" / "sae_lens"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("raise AssertionError('imported')")
    (package / "pretrained_saes.yaml").write_text(REGISTRY)
    monkeypatch.syspath_prepend(str(package.parent))
    monkeypatch.delitem(sys.modules, "sae_lens", raising=False)
    snapshot = tmp_path / "hub" / "models--org--saes" / "snapshots" / COMMIT
    unfolded = snapshot / "layer.8" / "unfolded"
    shutil.copytree(CHECKPOINTS / "saelens" / "unfolded-standard", unfolded)
    (unfolded / "activation_scaler.json").unlink()
    shutil.copytree(CHECKPOINTS / "saelens" / "topk", snapshot / "layer.8" / "topk")
    (snapshot.parents[1] / "refs").mkdir()
    (snapshot.parents[1] / "refs" / "main").write_text(COMMIT)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    saelens_registry._registry.cache_clear()


@pytest.mark.usefixtures("installed")
def test_the_lists_scaling_factor_is_folded() -> None:
    theirs = expected("saelens/unfolded-standard")
    dictionary = un.load("gpt2-made-up:layer_8")
    assert difference(dictionary.encode(theirs["x"]), theirs["codes"]) <= 1e-6


@pytest.mark.usefixtures("installed")
def test_an_id_may_hold_a_colon_and_a_repository_may_stand_for_a_release() -> None:
    by_id = un.load("gpt2-made-up:sae_group:v1")
    by_repository = un.load("org/saes:layer.8/topk")
    assert torch.equal(by_id.W_dec, by_repository.W_dec)


@pytest.mark.usefixtures("installed")
def test_what_the_list_says_stands_above_the_files_own_configuration() -> None:
    corrected, plain = un.load("gpt2-corrected:layer_8"), un.load("gpt2-made-up:sae_group:v1")
    assert corrected.key.dataset == "org/texts"
    assert isinstance(corrected.input_normalization, ConstantNorm)
    assert isinstance(plain.input_normalization, NoNormalization)
    assert "sets dataset_path, normalize_activations anew" in " ".join(corrected.source.assumptions)


@pytest.mark.usefixtures("installed")
def test_the_list_tells_how_the_model_was_loaded() -> None:
    centred, plain = un.load("gpt2-centred:layer_8"), un.load("gpt2-made-up:sae_group:v1")
    x = torch.randn(40, plain.d_in, generator=torch.Generator().manual_seed(0)) + 1.5
    codes = plain.encode(x - x.mean(dim=1, keepdim=True))
    torch.testing.assert_close(centred.encode(x), codes, rtol=0, atol=1e-5)
    assert check_loading(centred, centred).status == "ok"
    assert check_loading(centred, plain).status == "warn"


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("gpt2-made-upp:layer_8", "knows no release 'gpt2-made-upp'; near ones: gpt2-made-up"),
        ("gpt2-made-up:layer_9", "has no 'layer_9'; near ones: layer_8"),
    ],
)
def test_near_names_are_offered(address: str, words: str) -> None:
    with pytest.raises(MissingFileError, match=words):
        un.load(address)


def test_without_sae_lens_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    saelens_registry._registry.cache_clear()
    with pytest.raises(MissingDependencyError, match="pip install sae-lens"):
        un.load("gpt2-made-up:layer_8")


def test_a_windows_drive_is_no_release() -> None:
    with pytest.raises(MissingFileError, match="no such file or folder"):
        un.load("C:\\runs\\a")
