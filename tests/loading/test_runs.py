"""Addresses of runs: what a folder expands to, what loading keeps, and what it does not read."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

import universality as un
from tests.loading.fixtures import CASES, CHECKPOINTS, address, how
from universality.errors import MissingFileError, UnsupportedError
from universality.loading import expand, tensors, weights_hash


def _copy(source: str, target: Path) -> Path:
    return Path(shutil.copytree(CHECKPOINTS / source, target))


def test_a_single_checkpoint_expands_to_itself() -> None:
    path = str(CHECKPOINTS / "saelens" / "topk")
    assert expand(path) == [path]


def test_seed_folders_come_in_natural_order() -> None:
    run = CHECKPOINTS / "sparsify" / "run"
    hookpoint = run / "layers.6.mlp"
    assert expand(run) == [str(hookpoint / "seed2"), str(hookpoint / "seed10")]
    assert [un.load(path).key.seed for path in expand(run)] == [2, 10]


def test_a_sweep_of_trainers_skips_dot_folders_and_checkpoints(tmp_path: Path) -> None:
    for i in (0, 2, 10):
        _copy("dictionary_learning/batchtopk", tmp_path / f"trainer_{i}")
    checkpoints = tmp_path / "trainer_0" / "checkpoints"
    checkpoints.mkdir()
    shutil.copy(tmp_path / "trainer_0" / "ae.pt", checkpoints / "ae_500.pt")
    _copy("saelens/topk", tmp_path / ".cache")
    assert expand(tmp_path) == [str(tmp_path / f"trainer_{i}") for i in (0, 2, 10)]
    assert un.load(checkpoints / "ae_500.pt").key.step == 500


def test_a_link_back_up_is_not_followed(tmp_path: Path) -> None:
    _copy("saelens/topk", tmp_path / "runs" / "a")
    (tmp_path / "runs" / "here").symlink_to(".")
    (tmp_path / "runs" / "up").symlink_to("..")
    (tmp_path / "runs" / "circle").symlink_to("circle")
    assert expand(tmp_path / "runs") == [str(tmp_path / "runs" / "a")]


def test_checkpoints_alone_are_runs(tmp_path: Path) -> None:
    _copy("saelens/topk", tmp_path / "checkpoints" / "x1" / "1000")
    assert expand(tmp_path) == [str(tmp_path / "checkpoints" / "x1" / "1000")]


def test_files_side_by_side_are_runs(tmp_path: Path) -> None:
    for name in ("b.npy", "a.npy"):
        np.save(tmp_path / name, np.ones((24, 8), np.float32))
    assert expand(tmp_path) == [str(tmp_path / "a.npy"), str(tmp_path / "b.npy")]


def test_the_parts_of_a_file_are_runs() -> None:
    path = CHECKPOINTS / "crosscoder" / "ckkissane"
    assert expand(path) == [f"{path}#0", f"{path}#1"]
    hashes = {weights_hash(un.load(run)) for run in expand(path)}
    assert len(hashes) == 2


def test_a_folder_without_any_run(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(MissingFileError, match="in itself or in its folders"):
        expand(tmp_path)


def test_a_folder_named_like_a_file(tmp_path: Path) -> None:
    assert un.load(_copy("saelens/topk", tmp_path / "v5_32k_layer_0.pt")).d_sae == 24


def test_a_file_stands_for_its_folder() -> None:
    path = CHECKPOINTS / "saelens" / "topk" / "sae_weights.safetensors"
    assert un.load(path).source.name == "topk"


@pytest.mark.parametrize("case", [case for case in CASES if "tied" not in case])
def test_directions_alone_read_no_encoder(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[str] = []
    take = tensors.TensorFile.take

    def noted(self: tensors.TensorFile, name: str, shape: tuple[int, ...] | None = None):
        taken.append(name)
        return take(self, name, shape)

    monkeypatch.setattr(tensors.TensorFile, "take", noted)
    dictionary = un.load(address(case), views=("decoder",), **how(case))
    read_by_decoder = {"encoder"} if case == "sparse_coding/two-0" else set()
    assert not {n for n in taken if "enc" in n.lower() and "pre_" not in n} - read_by_decoder
    assert dictionary.views == ("decoder",)
    with pytest.raises(UnsupportedError, match="only its decoder was loaded"):
        dictionary.encode(torch.zeros(1, dictionary.d_in))


@pytest.mark.parametrize("case", CASES)
def test_decoders_are_the_same_with_and_without_the_encoder(case: str) -> None:
    whole = un.load(address(case), **how(case))
    alone = un.load(address(case), views=("decoder",), **how(case))
    assert torch.equal(whole.directions("decoder"), alone.directions("decoder"))
    assert weights_hash(whole) == weights_hash(alone)


@pytest.mark.parametrize(
    ("case", "seed", "found_in"),
    [
        ("saelens/sparsity", 7, "runner_cfg.json: seed"),
        ("dictionary_learning/topk", 5, "config.json: trainer.seed"),
        ("gemma_scope/scope-2", 1, "folder name"),
        ("neel_nanda/run1", 49, "25_cfg.json: seed"),
        ("bartbussmann/topk", 49, "config.json: seed"),
        ("saelens/topk", None, ""),
    ],
)
def test_the_seed_and_where_it_was_found(case: str, seed: int | None, found_in: str) -> None:
    dictionary = un.load(address(case), **how(case))
    assert (dictionary.key.seed, dictionary.source.seed_found_in) == (seed, found_in)


def test_the_training_record_gives_the_seed_first(tmp_path: Path) -> None:
    folder = _copy("saelens/sparsity", tmp_path / "run")
    (folder / "training_record.json").write_text(json.dumps({"settings": {"init_seed": 3}}))
    dictionary = un.load(folder)
    assert dictionary.key.seed == 3
    assert dictionary.source.seed_found_in == "training_record.json: settings: init_seed"


def test_a_backup_tells_its_step() -> None:
    assert un.load(CHECKPOINTS / "dictionary_learning" / "backup").key.step == 700


def test_keys_that_no_one_used_are_named(tmp_path: Path) -> None:
    folder = _copy("dictionary_learning/autoencoder", tmp_path / "ae")
    state = torch.load(folder / "ae.pt", weights_only=True)
    torch.save({**state, "stray": torch.zeros(3)}, folder / "ae.pt")
    assert un.load(folder).source.extra_keys == ("stray",)
    assert not un.load(CHECKPOINTS / "dictionary_learning" / "autoencoder").source.extra_keys


def test_half_precision_stays_half_and_maps_the_file(tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    folder = _copy("saelens/topk", tmp_path / "half")
    path = folder / "sae_weights.safetensors"
    save_file({name: value.half() for name, value in load_file(path).items()}, path)
    assert un.load(folder).W_dec.dtype == torch.float16
