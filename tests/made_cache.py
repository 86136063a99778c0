"""Caches of given activations, without a language model."""

from __future__ import annotations

import json
from pathlib import Path

import torch

from universality.activations.cache import (
    ActivationCache,
    CacheMeta,
    ShardEntry,
    file_hash,
    open_cache,
    write_meta,
)
from universality.activations.shards import Rows, write_shard


def make_cache(
    folder: Path, activations: torch.Tensor, *, n_shards: int = 3, hook: str = "blocks.0.hook_x"
) -> ActivationCache:
    """The activations as one document of tokens 0, 1, ..., in `n_shards` files."""
    folder.mkdir(parents=True, exist_ok=True)
    entries = []
    numbers = torch.arange(len(activations), dtype=torch.int32)
    for index, chosen in enumerate(numbers.long().tensor_split(n_shards)):
        path = folder / f"acts-{index:05d}.safetensors"
        tokens = numbers[chosen]
        rows = Rows(activations[chosen].half(), tokens, torch.zeros_like(tokens), tokens.clone())
        write_shard(path, rows, {})
        entries.append(ShardEntry(path.name, len(chosen), file_hash(path)))
    (folder / "documents.json").write_text(json.dumps(["made"]))
    (folder / "vocabulary.json").write_text(json.dumps({i: f" {i}" for i in numbers.tolist()}))
    meta = CacheMeta(
        model_name="made",
        model_dtype="float32",
        hook_name=hook,
        d_in=activations.shape[1],
        dtype="float16",
        n_tokens=len(activations),
        n_documents=1,
        context=len(activations),
        bos=None,
        tokenizer_sha256="",
        text_sha256="",
        dropped={},
        shards=tuple(entries),
    )
    write_meta(folder, meta)
    return open_cache(folder)
