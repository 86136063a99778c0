"""Hidden states of a network that is no language model, as a cache that every command reads."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from universality.activations.cache import (
    ActivationCache,
    CacheMeta,
    ShardEntry,
    file_hash,
    open_cache,
    write_meta,
)
from universality.activations.shards import Rows, write_shard


def write_array_cache(
    folder: Path, rows: Float[Tensor, "n d"], *, model_name: str, hook_name: str
) -> ActivationCache:
    """A cache of these rows in float32, each a document of its own, of one token."""
    folder.mkdir(parents=True, exist_ok=True)
    numbers = torch.arange(len(rows), dtype=torch.int32)
    shard = folder / "acts-00000.safetensors"
    write_shard(shard, Rows(rows.float(), torch.zeros_like(numbers), numbers, 0 * numbers), {})
    names = json.dumps([f"input {number}" for number in range(len(rows))])
    (folder / "documents.json").write_text(names, encoding="utf-8")
    (folder / "vocabulary.json").write_text(json.dumps({"0": "input"}), encoding="utf-8")
    meta = CacheMeta(
        model_name=model_name,
        model_dtype="float32",
        hook_name=hook_name,
        d_in=rows.shape[1],
        dtype="float32",
        n_tokens=len(rows),
        n_documents=len(rows),
        context=1,
        bos=None,
        tokenizer_sha256=hashlib.sha256(b"none").hexdigest(),
        text_sha256=hashlib.sha256(names.encode()).hexdigest(),
        dropped={"high_norm": 0, "zero": 0},
        shards=(ShardEntry(shard.name, len(rows), file_hash(shard)),),
    )
    write_meta(folder, meta)
    return open_cache(folder)
