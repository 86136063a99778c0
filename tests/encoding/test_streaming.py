from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.made_caches import write_cache
from tests.made_runs import make_run, unit_rows
from universality import codes as codes_module
from universality.activation_functions import TopK
from universality.codes import Codes, token_range
from universality.dictionary import Dictionary
from universality.encoding import folder as folder_module
from universality.encoding.streaming import count_firing, encode
from universality.errors import FormatError, InvalidInputError, OutputError


@pytest.fixture
def dictionary() -> Dictionary:
    return Dictionary(
        W_dec=unit_rows(24, 8, seed=0), W_enc=unit_rows(24, 8, seed=1), activation_fn=TopK(3)
    )


@pytest.fixture
def tokens() -> torch.Tensor:
    return torch.randn(1_300, 8, generator=torch.Generator().manual_seed(2)).half()


def dense(codes: Codes) -> np.ndarray:
    return token_range(codes, range(codes.n_tokens)).toarray().T


def test_codes_are_those_of_the_dictionary(
    tmp_path: Path, dictionary: Dictionary, tokens: torch.Tensor
) -> None:
    codes = encode(dictionary, write_cache(tmp_path / "cache", tokens), progress=False)
    exact = dictionary.encode(tokens.float()).numpy()
    np.testing.assert_allclose(dense(codes), exact, atol=1e-6)
    np.testing.assert_array_equal(codes.count, (exact != 0).sum(axis=0))
    firing = count_firing(codes, "sample")
    np.testing.assert_allclose(firing.frequency, (exact != 0).mean(axis=0))


def test_files_chunks_and_folder_do_not_change_a_bit(
    tmp_path: Path, dictionary: Dictionary, tokens: torch.Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = encode(dictionary, write_cache(tmp_path / "one", tokens, n_shards=1), progress=False)
    monkeypatch.setattr(codes_module, "CHUNK_TOKENS", 300)
    cut = write_cache(tmp_path / "many", tokens, n_shards=7)
    codes = encode(dictionary, cut, folder=tmp_path / "codes", progress=False)
    assert len(codes.chunks) > 1
    np.testing.assert_array_equal(dense(codes), dense(whole))


def test_interrupted_encoding_goes_on_where_it_stopped(
    tmp_path: Path, dictionary: Dictionary, tokens: torch.Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache, folder = write_cache(tmp_path / "cache", tokens), tmp_path / "codes"
    whole = encode(dictionary, cache, progress=False)
    monkeypatch.setattr(codes_module, "CHUNK_TOKENS", 256)
    save_file = folder_module.save_file

    def full_disk(tensors: object, path: Path, **options: object) -> None:
        if "00002" in path.name:
            path.write_bytes(b"half a file")
            raise OSError(28, "No space left on device")
        save_file(tensors, path, **options)

    monkeypatch.setattr(folder_module, "save_file", full_disk)
    with pytest.raises(OutputError, match=r"No space left on device.*run the same command again"):
        encode(dictionary, cache, folder=folder, progress=False)
    names = ["codes-00000.safetensors", "codes-00001.safetensors", "codes.json"]
    assert sorted(path.name for path in folder.iterdir()) == names
    first = (folder / names[0]).stat().st_mtime_ns
    monkeypatch.setattr(folder_module, "save_file", save_file)
    resumed = encode(dictionary, cache, folder=folder, progress=False)
    assert (folder / names[0]).stat().st_mtime_ns == first
    np.testing.assert_array_equal(dense(resumed), dense(whole))
    again = encode(dictionary, cache, folder=folder, progress=False)
    np.testing.assert_array_equal(dense(again), dense(whole))


def test_codes_of_other_inputs_are_refused(
    tmp_path: Path, dictionary: Dictionary, tokens: torch.Tensor
) -> None:
    cache, folder = write_cache(tmp_path / "cache", tokens), tmp_path / "codes"
    encode(dictionary, cache, folder=folder, progress=False)
    other = make_run(unit_rows(24, 8, seed=5), unit_rows(24, 8, seed=5))
    for run in (other, replace(dictionary, activation_fn=TopK(1))):
        with pytest.raises(OutputError, match=r"encoder_sha256 was .*, is now .*--codes"):
            encode(run, cache, folder=folder, progress=False)
    with pytest.raises(OutputError, match="holds no codes"):
        encode(dictionary, cache, folder=cache.path, progress=False)
    chunk = folder / "codes-00000.safetensors"
    (folder / "codes.json").write_text("")
    encode(dictionary, cache, folder=folder, progress=False)
    (folder / "codes.json").write_text("")
    with pytest.raises(FormatError, match="holds codes of another dictionary"):
        encode(other, cache, folder=folder, progress=False)
    (folder / "codes.json").unlink()
    chunk.write_bytes(chunk.read_bytes()[:-100])
    with pytest.raises(FormatError, match=r"codes-00000\.safetensors cannot be read"):
        encode(dictionary, cache, folder=folder, progress=False)


def test_a_dictionary_of_another_width_is_refused(tmp_path: Path, tokens: torch.Tensor) -> None:
    cache = write_cache(tmp_path / "cache", tokens)
    with pytest.raises(InvalidInputError, match=r"width 8, but .* reads d_in=6"):
        encode(make_run(unit_rows(24, 6, seed=5), unit_rows(24, 6, seed=5)), cache, progress=False)
