"""`un.collect`: one hook or several, texts from files or documents, as the command does it."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tests.tiny_model import random_text, save_tiny_model
from universality.activations.cache import read_rows
from universality.activations.collecting import collect
from universality.activations.documents import Document
from universality.errors import InvalidInputError

HOOK = "blocks.1.hook_resid_post"
SMALL = {"context": 16, "shard_tokens": 60}


def test_a_file_and_its_document_give_the_same_cache(tmp_path: Path) -> None:
    model = save_tiny_model(tmp_path / "tiny")
    text = random_text(60, seed=0)
    file = tmp_path / "one.txt"
    file.write_text(text)
    from_file = collect(str(model), HOOK, str(file), tmp_path / "a", **SMALL)
    from_text = collect(model, [HOOK], [Document("one.txt", text)], tmp_path / "b", **SMALL)
    assert list(from_file) == list(from_text) == [HOOK]
    rows = [
        read_rows(cache, torch.arange(len(cache))) for cache in (from_file[HOOK], from_text[HOOK])
    ]
    assert torch.equal(rows[0].activations, rows[1].activations)
    assert from_file[HOOK].path == tmp_path / "a"


def test_several_hooks_each_have_a_folder(tmp_path: Path) -> None:
    model = save_tiny_model(tmp_path / "tiny")
    names = (HOOK, "blocks.0.hook_mlp_out")
    documents = [Document("one", random_text(60, seed=0))]
    caches = collect(model, names, documents, tmp_path / "out", **SMALL)
    assert {cache.path.name for cache in caches.values()} == set(names)
    with pytest.raises(InvalidInputError, match="without repetition"):
        collect(model, (HOOK, HOOK), documents, tmp_path / "twice", **SMALL)
