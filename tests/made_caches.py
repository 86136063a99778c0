"""Caches of activations whose content is known, written without a language model."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor

from universality.activations.cache import (
    ActivationCache,
    CacheMeta,
    ShardEntry,
    file_hash,
    open_cache,
    write_meta,
)
from universality.activations.contexts import write_tokens
from universality.activations.shards import Rows, write_shard
from universality.activations.windows import Window


def write_cache(
    folder: Path,
    activations: Tensor,
    *,
    n_documents: int = 4,
    n_shards: int = 2,
    tokens: Tensor | None = None,
    first: int = 0,
    hook_name: str = "blocks.1.hook_resid_post",
    model_name: str = "made-up",
) -> ActivationCache:
    """A finished cache of these rows: documents of equal length, tokens counted round to 50.

    Positions count from `first`.
    """
    folder.mkdir(parents=True)
    n = len(activations)
    ids = torch.arange(n, dtype=torch.int32) % 50 if tokens is None else tokens
    documents = (torch.arange(n, dtype=torch.int32) * n_documents) // n
    positions = torch.arange(n, dtype=torch.int32)
    for document in range(n_documents):
        own = documents == document
        positions[own] = torch.arange(first, first + int(own.sum()), dtype=torch.int32)
    entries = []
    for number, part in enumerate(torch.arange(n).chunk(n_shards)):
        path = folder / f"acts-{number:05d}.safetensors"
        rows = Rows(activations[part].half(), ids[part], documents[part], positions[part])
        write_shard(path, rows, {})
        entries.append(ShardEntry(path.name, len(part), file_hash(path)))
    words = {int(token): f" w{int(token)}" for token in ids.unique()}
    (folder / "vocabulary.json").write_text(json.dumps(words))
    (folder / "documents.json").write_text(json.dumps([f"text {i}" for i in range(n_documents)]))
    meta = CacheMeta(
        model_name=model_name,
        model_dtype="float32",
        hook_name=hook_name,
        d_in=activations.shape[1],
        dtype="float16",
        n_tokens=n,
        n_documents=n_documents,
        context=n,
        bos=None,
        tokenizer_sha256="0" * 64,
        text_sha256="0" * 64,
        dropped={},
        shards=tuple(entries),
    )
    write_meta(folder, meta)
    return open_cache(folder)


def cut_cache(folder: Path, states: Tensor, ends: np.ndarray) -> ActivationCache:
    """A cache as a tokenizer makes it that cuts every document behind these characters.

    `states` are those of each document behind each of its characters, one after the other.
    """
    rows = states[:, ends - 1].flatten(0, 1)
    tokens = torch.arange(len(rows), dtype=torch.int32) + 1000 * len(ends)
    made = write_cache(folder, rows, n_documents=len(states), tokens=tokens)
    windows = [
        Window(i, 0, own.numpy(), ends.astype(np.int32))
        for i, own in enumerate(tokens.reshape(len(states), -1))
    ]
    write_tokens(folder, windows)
    return made


def write_delphi(folder: Path, codes: Tensor, ranges: tuple[tuple[int, int], ...]) -> None:
    """As delphi caches latents (sequences, context, latents): a file for each range of them.

    Locations count from the first latent of each file; tokens count up.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for first, last in ranges:
        part = codes[..., first : last + 1]
        where = part.nonzero()
        content = {
            "locations": where.to(torch.int32).contiguous(),
            "activations": part[tuple(where.T)].contiguous(),
            "tokens": torch.arange(codes[..., 0].numel()).reshape(codes.shape[:2]),
        }
        save_file(content, folder / f"{first}_{last}.safetensors")
