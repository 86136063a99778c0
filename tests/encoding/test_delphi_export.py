"""Latents written as delphi caches them, and read back by the reader of its caches."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from tests.investigation.toy_language_model import HOOK, made_cache, made_run
from universality.codes import token_range
from universality.encoding.delphi import is_delphi, open_delphi, read_delphi
from universality.encoding.delphi_export import write_delphi_latents
from universality.encoding.streaming import encode
from universality.errors import InvalidInputError


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory):
    cache = made_cache(tmp_path_factory.mktemp("toy") / "cache")
    return cache, encode(made_run("a"), cache, progress=False)


@pytest.mark.parametrize("n_files", [1, 3])
def test_codes_come_back_where_they_were(world, tmp_path: Path, n_files: int) -> None:
    """Documents of 60 tokens in sequences of 20: the first token of each document has no row."""
    cache, codes = world
    folder = tmp_path / HOOK
    written = write_delphi_latents(codes, cache, folder, context=20, n_files=n_files)
    assert written == {"n_sequences": 36, "n_tokens": 720, "n_left_out": 0}
    assert is_delphi(folder)
    found, table = read_delphi(folder)
    dense = token_range(found, range(found.n_tokens)).toarray()
    assert not dense[:, ::60].any()
    expected = token_range(codes, range(codes.n_tokens)).toarray()
    inside = np.arange(720) % 60 != 0
    np.testing.assert_array_equal(dense[:, inside], expected)
    tokens = torch.cat([shard.tokens for shard in cache.shards]).numpy()
    np.testing.assert_array_equal(table.tokens[inside], tokens)


def test_it_opens_as_a_run(world, tmp_path: Path) -> None:
    cache, codes = world
    write_delphi_latents(codes, cache, tmp_path / HOOK, context=30, n_files=2)
    assert open_delphi(tmp_path / HOOK).dictionary.d_sae == codes.d_sae


def test_the_files_have_delphis_kinds_of_numbers(world, tmp_path: Path) -> None:
    cache, codes = world
    write_delphi_latents(codes, cache, tmp_path / HOOK, context=20, n_files=1)
    content = load_file(tmp_path / HOOK / "0_11.safetensors")
    assert content["locations"].dtype == torch.uint16
    assert content["activations"].dtype == torch.float16
    assert tuple(content["tokens"].shape) == (36, 20)
    order = content["locations"].to(torch.int64)
    assert bool((order[:, 0].diff() >= 0).all())


def test_ends_that_fill_no_sequence_are_left_out(world, tmp_path: Path) -> None:
    cache, codes = world
    written = write_delphi_latents(codes, cache, tmp_path / HOOK, context=25, n_files=1)
    assert written["n_left_out"] == 12 * 10


def test_a_context_that_no_document_fills_is_refused(world, tmp_path: Path) -> None:
    cache, codes = world
    with pytest.raises(InvalidInputError, match="the longest has 60 tokens"):
        write_delphi_latents(codes, cache, tmp_path / HOOK, context=61, n_files=1)
