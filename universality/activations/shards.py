"""One file of a cache: rows of activations with the token, document and position of each."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import final

import torch
from jaxtyping import Float, Int
from safetensors.torch import save_file
from torch import Tensor

from universality.intake.fields import Fields
from universality.intake.json_files import parse_json
from universality.intake.tensor_files import opened_safetensors
from universality.storage.staged_files import staged_file


@final
@dataclass(frozen=True, eq=False)
class Rows:
    """Activations with where each comes from."""

    activations: Float[Tensor, "n_tokens d_in"]
    """One row per token, float16 on disk."""
    tokens: Int[Tensor, " n_tokens"]
    """Token ids."""
    documents: Int[Tensor, " n_tokens"]
    """Index of the token's document, in `documents.json`."""
    positions: Int[Tensor, " n_tokens"]
    """Index of the token within its document."""

    def __len__(self) -> int:
        return len(self.tokens)


_COUNTS = "dropped"
_COLLECTION = "collection"
ROW_FIELDS = ("activations", "tokens", "documents", "positions")


def write_shard(path: Path, rows: Rows, counts: dict[str, int], collection: str = "") -> None:
    """The shard, whole or absent.

    `counts`, of the rows that were dropped, and the digest of the `collection` that it is part of
    travel in the file's own metadata, under one key: the order of several is not fixed.

    Raises:
        OutputError: the disk is full.
    """
    tensors = {name: getattr(rows, name).contiguous() for name in ROW_FIELDS}
    with staged_file(path) as staged:
        about = counts | ({_COLLECTION: collection} if collection else {})
        save_file(tensors, staged, metadata={_COUNTS: json.dumps(about)})


def read_shard(path: Path) -> Rows:
    """The rows, memory-mapped: nothing is read before it is used.

    Raises:
        FormatError: the file is truncated, or no shard.
    """
    with opened_safetensors(path, advice="collect it again") as file:
        return Rows(*(file.get_tensor(name) for name in ROW_FIELDS))


def read_counts(path: Path) -> dict[str, int]:
    """The counts of dropped rows that `write_shard` was given, and `n_tokens`, the rows kept."""
    with opened_safetensors(path, advice="collect it again") as file:
        about = parse_json(file.metadata()[_COUNTS])
        if isinstance(about, dict):
            about.pop(_COLLECTION, None)
        counts = {_COUNTS: about}
        n_tokens = file.get_slice("tokens").get_shape()[0]
        return Fields(str(path), counts).counts(_COUNTS) | {"n_tokens": n_tokens}


def collection_of(path: Path) -> str:
    """The digest of the collection that a shard says it is part of; empty where it says none."""
    with opened_safetensors(path, advice="collect it again") as file:
        about = parse_json((file.metadata() or {}).get(_COUNTS, "{}"))
        return str(about.get(_COLLECTION, "")) if isinstance(about, dict) else ""


def concatenate(parts: list[Rows]) -> Rows:
    """The rows of all parts, in their order."""
    return Rows(*(torch.cat([getattr(part, name) for part in parts]) for name in ROW_FIELDS))
