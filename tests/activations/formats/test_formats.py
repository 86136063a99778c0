"""Caches of other libraries: the same rows, whoever wrote them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from tests.made_caches import write_cache
from universality.activations.cache import ActivationCache, read_rows
from universality.activations.formats.detection import open_activations
from universality.errors import FormatError, MissingFileError

SAE_LENS = Path(__file__).parents[2] / "fixtures" / "activations"


@pytest.fixture
def sequences() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    activations = torch.randn(6, 5, 4, generator=generator)
    return activations, torch.randint(0, 50, (6, 5), generator=generator)


def check(cache: ActivationCache, activations: torch.Tensor, tokens: torch.Tensor) -> None:
    """The cache holds the sequences without their first positions, in order."""
    rows = read_rows(cache, torch.arange(len(cache)))
    torch.testing.assert_close(rows.activations.float(), activations[:, 1:].flatten(0, 1).float())
    assert rows.tokens.tolist() == tokens[:, 1:].flatten().tolist()
    assert rows.documents.tolist() == [i for i in range(len(tokens)) for _ in range(4)]
    assert rows.positions.tolist() == [1, 2, 3, 4] * len(tokens)
    assert cache.meta.d_in == 4
    assert len(cache.document_names) == cache.meta.n_documents == len(tokens)
    assert cache.vocabulary[int(tokens[0, 1])] == f"<{int(tokens[0, 1])}>"


def test_sae_lens_folders_written_by_datasets_itself() -> None:
    expected = np.load(SAE_LENS / "sae_lens_expected.npz")
    cache = open_activations(SAE_LENS / "sae_lens")
    check(cache, *(torch.from_numpy(expected[name]) for name in ("activations", "tokens")))
    assert cache.meta.hook_name == "blocks.0.hook_resid_post"
    assert len(cache.shards) == 2


def test_a_truncated_sae_lens_file_is_named(tmp_path: Path) -> None:
    shutil.copytree(SAE_LENS / "sae_lens", tmp_path / "cache")
    path = tmp_path / "cache" / "data-00001-of-00002.arrow"
    path.write_bytes(path.read_bytes()[:300])
    with pytest.raises(FormatError, match=r"data-00001-of-00002.arrow: not a readable Arrow file"):
        open_activations(tmp_path / "cache")


def write_lm_saes(
    folder: Path, activations: torch.Tensor, tokens: torch.Tensor, mask: torch.Tensor
) -> None:
    folder.mkdir()
    for number in range(2):
        part = slice(3 * number, 3 * number + 3)
        content = {"activation": activations[part], "tokens": tokens[part], "mask": mask[part]}
        name = f"chunk-{number:08d}.safetensors"
        save_file({key: value.contiguous() for key, value in content.items()}, folder / name)


def test_llamascopium_chunks(tmp_path: Path, sequences: tuple[torch.Tensor, torch.Tensor]) -> None:
    mask = torch.ones(6, 5, dtype=torch.int32)
    write_lm_saes(tmp_path / "hook", sequences[0].bfloat16(), sequences[1], mask)
    cache = open_activations(tmp_path / "hook")
    check(cache, sequences[0].bfloat16(), sequences[1])
    assert cache.meta.dtype == "bfloat16"


def test_padding_of_llamascopium_is_left_out(
    tmp_path: Path, sequences: tuple[torch.Tensor, torch.Tensor]
) -> None:
    mask = torch.ones(6, 5, dtype=torch.int32)
    mask[2, 3:] = 0
    write_lm_saes(tmp_path / "hook", *sequences, mask)
    cache = open_activations(tmp_path / "hook")
    assert len(cache) == 22
    rows = read_rows(cache, torch.arange(22))
    assert rows.positions[rows.documents == 2].tolist() == [1, 2]
    chunk = tmp_path / "hook" / "chunk-00000001.safetensors"
    chunk.write_bytes(chunk.read_bytes()[:-10])
    with pytest.raises(FormatError, match=r"chunk-00000001\.safetensors cannot be read"):
        open_activations(tmp_path / "hook")


def write_memmap(folder: Path, rows: torch.Tensor, tokens: torch.Tensor) -> None:
    folder.mkdir(parents=True)
    config = {"d_model": rows.shape[1], "shard_count": 2, "context_len": 5, "store_tokens": True}
    (folder / "config.json").write_text(json.dumps(config))
    for number, part in enumerate(rows.chunk(2)):
        raw = part.view(torch.int16).numpy() if part.dtype == torch.bfloat16 else part.numpy()
        raw.tofile(folder / f"shard_{number}.memmap")
        meta = {"shape": list(part.shape), "dtype": str(part.dtype)}
        (folder / f"shard_{number}.meta").write_text(json.dumps(meta))
    torch.save(tokens, folder.parent / "tokens.pt")


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_memory_mapped_shards(
    tmp_path: Path, sequences: tuple[torch.Tensor, torch.Tensor], dtype: torch.dtype
) -> None:
    flat, tokens = sequences[0].flatten(0, 1).to(dtype), sequences[1].flatten()
    write_memmap(tmp_path / "hook", flat, tokens)
    cache = open_activations(tmp_path / "hook")
    rows = read_rows(cache, torch.arange(30))
    torch.testing.assert_close(rows.activations, flat)
    assert rows.tokens.tolist() == tokens.tolist()
    assert rows.documents.tolist() == [i // 5 for i in range(30)]
    shard = tmp_path / "hook" / "shard_1.memmap"
    shard.write_bytes(shard.read_bytes()[:-2])
    with pytest.raises(FormatError, match="the file is truncated"):
        _ = open_activations(tmp_path / "hook").shards
    shard.unlink()
    with pytest.raises(FormatError, match="the cache is incomplete"):
        open_activations(tmp_path / "hook")


def test_plain_arrays(tmp_path: Path) -> None:
    values = torch.randn(300, 4, generator=torch.Generator().manual_seed(1))
    np.save(tmp_path / "acts.npy", values.numpy())
    save_file({"x": values, "tokens": torch.arange(300)}, tmp_path / "acts.safetensors")
    for name, known in (("acts.npy", False), ("acts.safetensors", True)):
        cache = open_activations(tmp_path / name)
        rows = read_rows(cache, torch.arange(300))
        torch.testing.assert_close(rows.activations, values)
        assert rows.tokens.tolist() == (list(range(300)) if known else [-1] * 300)
        assert cache.meta.n_documents == 2
    np.save(tmp_path / "wrong.npy", values.numpy().astype(int))
    with pytest.raises(FormatError, match="must be floating-point"):
        open_activations(tmp_path / "wrong.npy")
    save_file({"x": values, "y": values.clone()}, tmp_path / "two.safetensors")
    with pytest.raises(FormatError, match="expected one matrix"):
        open_activations(tmp_path / "two.safetensors")
    (tmp_path / "cut.npy").write_bytes((tmp_path / "acts.npy").read_bytes()[:-9])
    with pytest.raises(FormatError, match="cannot be read"):
        open_activations(tmp_path / "cut.npy")


def test_our_own_caches_and_nothing_at_all(tmp_path: Path) -> None:
    own = write_cache(tmp_path / "own", torch.zeros(10, 4))
    assert open_activations(own.path, rows="all").meta == own.meta
    with pytest.raises(MissingFileError, match="no such file or folder"):
        open_activations(tmp_path / "absent")
    (tmp_path / "empty").mkdir()
    with pytest.raises(MissingFileError, match="no activation cache"):
        open_activations(tmp_path / "empty")
    (tmp_path / "x.pt").touch()
    with pytest.raises(FormatError, match=r"ends in .npy or .safetensors"):
        open_activations(tmp_path / "x.pt")


@pytest.mark.parametrize("name", ["../data.arrow", "/etc/hostname", "a/b.arrow", "..", "", "a\\b"])
def test_files_of_a_cache_are_named_and_no_paths(tmp_path: Path, name: str) -> None:
    own = write_cache(tmp_path / "own", torch.zeros(10, 4)).path
    meta = json.loads((own / "meta.json").read_text())
    meta["shards"][1]["file"] = name
    (own / "meta.json").write_text(json.dumps(meta))
    theirs = Path(shutil.copytree(SAE_LENS / "sae_lens", tmp_path / "theirs"))
    (theirs / "state.json").write_text(json.dumps({"_data_files": [{"filename": name}]}))
    for folder, described in ((own, "meta.json"), (theirs, "state.json")):
        with pytest.raises(FormatError, match=rf"{described}: .+ is no plain file name"):
            open_activations(folder)


def test_a_count_of_shards_that_nobody_has_is_refused_at_once(
    tmp_path: Path, sequences: tuple[torch.Tensor, torch.Tensor]
) -> None:
    write_memmap(tmp_path / "hook", sequences[0].flatten(0, 1), sequences[1].flatten())
    config = tmp_path / "hook" / "config.json"
    config.write_text(config.read_text().replace('"shard_count": 2', f'"shard_count": {2**52}'))
    with pytest.raises(FormatError, match="counts 4503599627370496 shards, not all are there"):
        open_activations(tmp_path / "hook")


def test_a_mask_that_is_no_mask_is_refused(
    tmp_path: Path, sequences: tuple[torch.Tensor, torch.Tensor]
) -> None:
    write_lm_saes(tmp_path / "hook", *sequences, torch.ones(6, 5, dtype=torch.complex64))
    with pytest.raises(FormatError, match="'mask' must be 0 or 1"):
        open_activations(tmp_path / "hook")
