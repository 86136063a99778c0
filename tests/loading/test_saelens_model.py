"""An encoder for a model loaded with centred writing weights, on tokens of one loaded plainly."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch

import universality as un
from tests.loading.fixtures import CHECKPOINTS
from universality.dictionary import Dictionary
from universality.errors import FormatError, UnsupportedError
from universality.saving import save

CENTRED = {"model_from_pretrained_kwargs": {"center_writing_weights": True}}
RESIDUAL = "blocks.3.hook_resid_post"
CASES = [
    "standard",
    "standard-no-pre-bias",
    "topk-rescaled",
    "abstopk",
    "jumprelu",
    "gated",
    "whitened",
    "whitened-gated",
    "unfolded-standard",
    "batchtopk-training",
]


def _loaded(folder: Path, case: str, **changes: object) -> Dictionary:
    copied = Path(shutil.copytree(CHECKPOINTS / "saelens" / case, folder / "run"))
    config = json.loads((copied / "cfg.json").read_text())
    named = {"model_name": "gpt2-small", "hook_name": RESIDUAL, **changes}
    if "metadata" in config:
        config["metadata"] |= named
    else:
        config |= named
    (copied / "cfg.json").write_text(json.dumps(config))
    return un.load(copied)


def _tokens(d_in: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(4)
    return torch.randn(60, d_in, generator=generator) + 2 * torch.randn(60, 1, generator=generator)


@pytest.mark.parametrize("case", CASES)
def test_raw_tokens_give_the_codes_of_centred_ones(case: str, tmp_path: Path) -> None:
    plain = un.load(CHECKPOINTS / "saelens" / case)
    centred = _loaded(tmp_path, case, **CENTRED)
    x = _tokens(plain.d_in)
    theirs = plain.encode(x - x.mean(dim=1, keepdim=True))
    torch.testing.assert_close(centred.encode(x), theirs, rtol=0, atol=1e-4)
    x = x - x.mean(dim=1, keepdim=True)
    torch.testing.assert_close(centred.encode(x), theirs, rtol=0, atol=1e-4)
    assert float(centred.directions("encoder").mean(dim=1).abs().max()) < 1e-5
    assert torch.equal(centred.W_dec, plain.W_dec)
    assert "each token's mean is subtracted" in " ".join(centred.source.assumptions)


def test_a_saved_run_keeps_the_centring_in_its_weights(tmp_path: Path) -> None:
    centred = _loaded(tmp_path, "jumprelu", **CENTRED)
    save(centred, tmp_path / "saved")
    x = _tokens(centred.d_in)
    again = un.load(tmp_path / "saved")
    torch.testing.assert_close(again.encode(x), centred.encode(x), rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"model_name": "google/gemma-2-2b"}, "has no LayerNorm"),
        ({"hook_name": "blocks.3.attn.hook_z"}, "does not change what passes"),
        ({"hook_name": "blocks.3.ln2.hook_normalized"}, "does not change what passes"),
    ],
)
def test_where_centring_does_nothing_nothing_is_done(
    changes: dict[str, str], words: str, tmp_path: Path
) -> None:
    plain = un.load(CHECKPOINTS / "saelens" / "standard")
    same = _loaded(tmp_path, "standard", **CENTRED, **changes)
    x = _tokens(plain.d_in)
    assert torch.equal(same.encode(x), plain.encode(x))
    assert words in " ".join(same.source.assumptions)


def test_a_layer_norm_of_its_own_centres_anyway(tmp_path: Path) -> None:
    plain = un.load(CHECKPOINTS / "saelens" / "topk-layer-norm")
    same = _loaded(tmp_path, "topk-layer-norm", **CENTRED)
    x = _tokens(plain.d_in)
    torch.testing.assert_close(
        same.encode(x), plain.encode(x - x.mean(dim=1, keepdim=True)), rtol=0, atol=1e-5
    )


@pytest.mark.parametrize(
    ("case", "changes", "words"),
    [
        ("standard", {"model_name": "org/new-kind"}, "has LayerNorm is not known"),
        ("standard", {"model_name": None}, "has LayerNorm is not known"),
        ("standard", {"hook_name": "blocks.3.somewhere"}, "what that does to blocks.3.somewhere"),
        ("standard-constant-norm", {}, "its tokens were rescaled after that"),
    ],
)
def test_where_it_is_not_exact_encoding_is_refused(
    case: str, changes: dict[str, str], words: str, tmp_path: Path
) -> None:
    found = _loaded(tmp_path, case, **CENTRED, **changes)
    assert found.directions("encoder").shape == (found.d_sae, found.d_in)
    with pytest.raises(UnsupportedError, match=words):
        found.encode(_tokens(found.d_in))


def test_value_biases_moved_out_of_hook_z(tmp_path: Path) -> None:
    options = {"model_from_pretrained_kwargs": {"fold_value_biases": True}}
    found = _loaded(tmp_path, "standard", hook_name="blocks.3.attn.hook_z", **options)
    with pytest.raises(UnsupportedError, match="fold_value_biases, which changes"):
        found.encode(_tokens(found.d_in))


def test_an_option_that_is_no_truth_value_is_named(tmp_path: Path) -> None:
    options = {"model_from_pretrained_kwargs": {"center_writing_weights": "yes"}}
    with pytest.raises(FormatError, match="'center_writing_weights' must be true or false"):
        _loaded(tmp_path, "standard", **options)
