"""What activation engines write: read row for row, refused where rows are missing or too many."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from safetensors.torch import save_file

from universality.activations.cache import read_activations
from universality.activations.formats.detection import open_activations
from universality.errors import FormatError, InvalidInputError

STATES = torch.randn(3, 5, 2, 4, generator=torch.Generator().manual_seed(0))
"""Three requests of five tokens, two layers, width 4."""


def everything(path: Path | str, rows: str = "all") -> torch.Tensor:
    cache = open_activations(path, rows=rows)
    return read_activations(cache, torch.arange(len(cache)))


def vllm(folder: Path) -> Path:
    folder.mkdir()
    for number, states in enumerate(STATES):
        tokens = torch.arange(5) + 10 * number
        content = {"hidden_states": states.contiguous(), "token_ids": tokens}
        save_file(content, folder / f"cmpl-{number}.safetensors")
    return folder


def saev(folder: Path, *, cls: bool = True) -> Path:
    """Two shards, of two and one examples."""
    folder.mkdir()
    held = STATES.permute(0, 2, 1, 3).contiguous().numpy()
    held[:2].tofile(folder / "acts000000.bin")
    held[2:].tofile(folder / "acts000001.bin")
    about = {"ckpt": "made-up", "layers": [6, 11], "cls_token": cls, "d_model": 4}
    about |= {"content_tokens_per_example": 5 - cls, "n_examples": 3, "dtype": "float32"}
    (folder / "metadata.json").write_text(json.dumps(about))
    shards = [{"name": f"acts00000{k}.bin", "n_ex": n} for k, n in enumerate((2, 1))]
    (folder / "shards.json").write_text(json.dumps(shards))
    return folder


def parquet(folder: Path, *, sequences: bool = True) -> Path:
    """Two files of one data set, as `datasets` pushes them."""
    (folder / "data").mkdir(parents=True)
    states = STATES[:, :, 0].numpy() if sequences else STATES[:, :, 0].reshape(-1, 4).numpy()
    ids = np.arange(15).reshape(3, 5) if sequences else np.arange(15)
    cut = 2 if sequences else 7
    for number, part in enumerate((slice(cut), slice(cut, None))):
        table = pa.table({"act": states[part].tolist(), "input_ids": ids[part].tolist()})
        pq.write_table(table, folder / "data" / f"train-0000{number}-of-00002.parquet")
    n = len(states)
    (folder / "dataset_info.json").write_text(
        json.dumps({"splits": {"train": {"name": "train", "num_examples": n}}})
    )
    return folder


@pytest.mark.parametrize("layer", [0, 1])
def test_vllm_gives_every_token_of_the_layer_that_is_named(tmp_path: Path, layer: int) -> None:
    place = f"{vllm(tmp_path / 'v')}#{layer}"
    torch.testing.assert_close(everything(place), STATES[:, :, layer].reshape(-1, 4))
    torch.testing.assert_close(everything(place, "screened"), STATES[:, 1:, layer].reshape(-1, 4))


@pytest.mark.parametrize(("layer", "place"), [(6, 0), (11, 1)])
def test_saev_gives_the_layer_without_the_token_of_the_whole(
    tmp_path: Path, layer: int, place: int
) -> None:
    held = f"{saev(tmp_path / 's')}#{layer}"
    torch.testing.assert_close(everything(held), STATES[:, :, place].reshape(-1, 4))
    torch.testing.assert_close(everything(held, "screened"), STATES[:, 1:, place].reshape(-1, 4))
    bare = f"{saev(tmp_path / 'bare', cls=False)}#{layer}"
    torch.testing.assert_close(everything(bare, "screened"), STATES[:, :, place].reshape(-1, 4))


def test_saev_is_read_in_its_first_spelling_too(tmp_path: Path) -> None:
    folder = saev(tmp_path / "s")
    old = {"ckpt": "vit_ckpt", "d_model": "d_vit", "n_examples": "n_imgs"}
    old |= {"content_tokens_per_example": "n_patches_per_img", "n_ex": "n_imgs"}
    for name in ("metadata.json", "shards.json"):
        text = (folder / name).read_text()
        for new, before in old.items():
            text = text.replace(f'"{new}"', f'"{before}"')
        (folder / name).write_text(text)
    torch.testing.assert_close(everything(f"{folder}#6"), STATES[:, :, 0].reshape(-1, 4))


@pytest.mark.parametrize("sequences", [True, False])
def test_parquet_gives_every_token_in_order(tmp_path: Path, sequences: bool) -> None:
    folder = parquet(tmp_path / "p", sequences=sequences)
    torch.testing.assert_close(everything(folder).float(), STATES[:, :, 0].reshape(-1, 4))


def test_layers_of_one_folder_are_different_caches(tmp_path: Path) -> None:
    folder = vllm(tmp_path / "v")
    first, second = (open_activations(f"{folder}#{k}").meta.sha256 for k in (0, 1))
    assert first != second


def test_a_request_that_was_answered_twice_counts_once(tmp_path: Path) -> None:
    folder = vllm(tmp_path / "v")
    content = (folder / "cmpl-0.safetensors").read_bytes()
    (folder / "cmpl-9.safetensors").write_bytes(content)
    cache = open_activations(f"{folder}#0")
    assert len(cache) == 12
    assert cache.meta.dropped["duplicate_documents"] == 1


def rewrite(path: Path, **tensors: torch.Tensor) -> None:
    save_file(tensors, path)


def short_tokens(folder: Path) -> Path:
    states = STATES[1].contiguous()
    rewrite(vllm(folder) / "cmpl-1.safetensors", hidden_states=states, token_ids=torch.arange(3))
    return folder / ""


def other_width(folder: Path) -> Path:
    states = STATES[1, :, :, :3].contiguous()
    rewrite(vllm(folder) / "cmpl-1.safetensors", hidden_states=states, token_ids=torch.arange(5))
    return folder


def cut_short(folder: Path) -> Path:
    path = saev(folder) / "acts000001.bin"
    path.write_bytes(path.read_bytes()[:-4])
    return folder


def shard_gone(folder: Path) -> Path:
    (saev(folder) / "acts000000.bin").unlink()
    return folder


def examples_missing(folder: Path) -> Path:
    path = saev(folder) / "shards.json"
    path.write_text(json.dumps(json.loads(path.read_text())[:1]))
    return folder


def shard_twice(folder: Path) -> Path:
    path = saev(folder) / "shards.json"
    path.write_text(json.dumps(2 * json.loads(path.read_text())[:1]))
    return folder


def file_missing(folder: Path) -> Path:
    (parquet(folder) / "data" / "train-00001-of-00002.parquet").unlink()
    return folder


def ragged(folder: Path) -> Path:
    folder.mkdir()
    pq.write_table(pa.table({"act": [[1.0, 2.0], [1.0]]}), folder / "a.parquet")
    return folder


def nulls(folder: Path) -> Path:
    folder.mkdir()
    pq.write_table(pa.table({"act": [[1.0, 2.0], None]}), folder / "a.parquet")
    return folder


def two_columns(folder: Path) -> Path:
    folder.mkdir()
    pq.write_table(pa.table({"x": [[1.0]], "y": [[1.0]]}), folder / "a.parquet")
    return folder


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (short_tokens, r"cmpl-1\.safetensors: 5 hidden states for token ids of shape \(3,\)"),
        (other_width, r"cmpl-1\.safetensors: layers and width are \(2, 3\)"),
        (cut_short, r"acts000001\.bin: 1 examples .* found 156: rows are missing"),
        (shard_gone, r"acts000000\.bin: 2 examples .* found 0"),
        (examples_missing, "says 3 examples, shards.json lists 2"),
        (shard_twice, "lists no shard, or one twice"),
        (file_missing, "says 3 rows, the files hold 2"),
        (ragged, "rows differ in length"),
        (nulls, "1 rows are missing"),
        (two_columns, "one column must hold lists .* found x, y"),
    ],
)
def test_rows_that_are_missing_or_too_many_are_named(
    spoil: Callable[[Path], Path], message: str, tmp_path: Path
) -> None:
    folder = spoil(tmp_path / "held")
    layer = {"acts": "#6", "cmpl": "#0"}
    suffix = next((s for k, s in layer.items() if any(folder.glob(f"{k}*"))), "")
    with pytest.raises(FormatError, match=message):
        open_activations(f"{folder}{suffix}")


def test_rows_that_are_not_finite_are_refused(tmp_path: Path) -> None:
    states = STATES[0].clone()
    states[2, 1, 0] = torch.nan
    path = vllm(tmp_path / "v") / "cmpl-0.safetensors"
    rewrite(path, hidden_states=states, token_ids=torch.arange(5))
    with pytest.raises(InvalidInputError, match=r"NaN|finite"):
        open_activations(f"{tmp_path / 'v'}#1")


@pytest.mark.parametrize("suffix", ["", "#7"])
def test_a_layer_that_is_not_there_names_those_that_are(tmp_path: Path, suffix: str) -> None:
    for folder, layers in ((vllm(tmp_path / "v"), "0, 1"), (saev(tmp_path / "s"), "6, 11")):
        with pytest.raises(InvalidInputError, match=rf"layers?.*: {layers}; name one"):
            open_activations(f"{folder}{suffix}")
    with pytest.raises(InvalidInputError, match="holds one layer"):
        open_activations(f"{parquet(tmp_path / 'p')}#3")
