"""A checkpoint in shards is the whole checkpoint, or it is refused; never one shard of it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

import universality as un
from tests.loading.fixtures import CHECKPOINTS
from universality.errors import FormatError, MissingFileError
from universality.loading import expand
from universality.loading.hashing import weights_hash
from universality.loading.sharded_weights import is_plain

INDEX = "sae_weights.safetensors.index.json"


@pytest.fixture
def sharded(tmp_path: Path) -> Path:
    """A SAELens folder whose weights were split over three files."""
    folder = Path(shutil.copytree(CHECKPOINTS / "saelens" / "jumprelu", tmp_path / "jumprelu"))
    tensors = load_file(folder / "sae_weights.safetensors")
    (folder / "sae_weights.safetensors").unlink()
    names = sorted(tensors)
    shard_of = {
        name: f"sae_weights-{1 + i % 3:05d}-of-00003.safetensors" for i, name in enumerate(names)
    }
    for shard in set(shard_of.values()):
        part = {name: tensors[name] for name in names if shard_of[name] == shard}
        save_file(part, folder / shard)
    (folder / INDEX).write_text(json.dumps({"metadata": {}, "weight_map": shard_of}))
    return folder


def _point(folder: Path, name: str, shard: str) -> None:
    index = json.loads((folder / INDEX).read_text())
    index["weight_map"][name] = shard
    (folder / INDEX).write_text(json.dumps(index))


def test_shards_are_the_checkpoint_that_was_split(sharded: Path) -> None:
    whole = un.load(CHECKPOINTS / "saelens" / "jumprelu")
    x = torch.randn(50, whole.d_in, generator=torch.Generator().manual_seed(3))
    put_together = un.load(sharded)
    assert torch.equal(put_together.encode(x), whole.encode(x))
    assert torch.equal(put_together.W_dec, whole.W_dec)
    assert "3 shards" in " ".join(put_together.source.assumptions)


@pytest.mark.parametrize("named", [INDEX, "sae_weights-00002-of-00003.safetensors"])
def test_one_shard_or_the_index_names_the_whole(sharded: Path, named: str) -> None:
    whole = un.load(CHECKPOINTS / "saelens" / "jumprelu")
    assert torch.equal(un.load(sharded / named).W_dec, whole.W_dec)


def test_shards_are_one_run(sharded: Path) -> None:
    assert expand(sharded.parent) == [str(sharded)]


def test_the_hash_is_of_every_shard(sharded: Path) -> None:
    before = weights_hash(un.load(sharded))
    shard = sharded / "sae_weights-00003-of-00003.safetensors"
    save_file({name: tensor + 1 for name, tensor in load_file(shard).items()}, shard)
    assert weights_hash(un.load(sharded)) != before


def test_a_missing_shard(sharded: Path) -> None:
    (sharded / "sae_weights-00002-of-00003.safetensors").unlink()
    with pytest.raises(MissingFileError, match=r"names sae_weights-00002-of-00003.+missing"):
        un.load(sharded)


def test_a_missing_index(sharded: Path) -> None:
    (sharded / INDEX).unlink()
    with pytest.raises(MissingFileError, match="one of several shards, and their index"):
        un.load(sharded)
    with pytest.raises(MissingFileError, match="one of several shards, and their index"):
        un.load(sharded / "sae_weights-00001-of-00003.safetensors")


def test_an_index_that_does_not_fit_its_shards(sharded: Path) -> None:
    _point(sharded, "W_dec", "sae_weights-00002-of-00003.safetensors")
    _point(sharded, "W_enc", "sae_weights-00003-of-00003.safetensors")
    with pytest.raises(FormatError, match="do not agree about"):
        un.load(sharded)


@pytest.mark.parametrize("name", ["../other.safetensors", "/etc/passwd", "..", "a\\b", "", "a/b"])
def test_an_index_names_files_beside_it_and_no_paths(sharded: Path, name: str) -> None:
    _point(sharded, "W_dec", name)
    with pytest.raises(FormatError, match="no plain file name"):
        un.load(sharded)
    assert not is_plain(name)


def test_a_bare_decoder_split_by_another_library_is_never_half_of_it(tmp_path: Path) -> None:
    rows = torch.randn(40, 16, generator=torch.Generator().manual_seed(0))
    for number, name in enumerate(("W_dec", "W_enc"), start=1):
        save_file({name: rows}, tmp_path / f"pytorch_model-{number:05d}-of-00002.safetensors")
    with pytest.raises(MissingFileError, match="index"):
        un.load(tmp_path)


def test_a_number_in_a_name_is_no_shard(tmp_path: Path) -> None:
    rows = torch.randn(40, 16, generator=torch.Generator().manual_seed(0))
    save_file({"W_dec": rows}, tmp_path / "model-00001-of-00001.safetensors")
    assert un.load(tmp_path).d_sae == 40
