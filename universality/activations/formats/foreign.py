"""What every reader of another library's cache needs: rows from sequences, and what is known."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from universality.activations.cache import ActivationCache, CacheMeta, ShardEntry, ShardReader
from universality.activations.shards import Rows
from universality.errors import InvalidInputError

UNKNOWN_TOKEN = -1
"""Token id of rows whose token the cache does not tell."""
DOCUMENT = 256
"""Rows that count as one document where the cache knows nothing of documents."""


def rows_of_sequences(
    activations: Float[Tensor, "n_sequences context d_in"],
    tokens: Int[Tensor, "n_sequences context"],
    *,
    first_sequence: int,
    kept: Int[Tensor, "n_sequences context"] | None = None,
    first_positions: bool = False,
) -> Rows:
    """One row per token, each sequence a document, without the first position of each.

    The first position has a norm ten to three hundred times the others'; it would be most of any
    correlation. `kept` is 0 where a token is padding: with padding on the left, the first position
    is the first token after it. `first_positions` keeps it.
    """
    n_sequences, context, _ = activations.shape
    documents = torch.arange(first_sequence, first_sequence + n_sequences, dtype=torch.int32)
    documents = documents[:, None].expand(-1, context)
    positions = torch.arange(context, dtype=torch.int32).expand(n_sequences, -1)
    use = torch.ones_like(positions, dtype=torch.bool) if kept is None else kept > 0
    if not first_positions:
        use = use & (use.cumsum(dim=1) > 1)
    return Rows(activations[use], tokens[use], documents[use], positions[use])


def rows_of_tokens(
    activations: Float[Tensor, "n_tokens d_in"],
    tokens: Int[Tensor, " n_tokens"] | None,
    *,
    first_row: int,
    document: int = DOCUMENT,
) -> Rows:
    """The rows as they are; every `document` of them count as one document."""
    number = torch.arange(first_row, first_row + len(activations))
    if tokens is None:
        tokens = torch.full((len(activations),), UNKNOWN_TOKEN, dtype=torch.int32)
    return Rows(
        activations, tokens, (number // document).int(), (number % document).to(torch.int32)
    )


def foreign_cache(
    folder: Path,
    files: Sequence[tuple[str, int]],
    *,
    read: ShardReader,
    d_in: int,
    dtype: str,
    n_documents: int,
    context: int,
    hook_name: str = "unknown",
    model_name: str = "unknown",
    dropped: dict[str, int] | None = None,
    part: str = "",
) -> ActivationCache:
    """The cache of these files (name, rows), as far as the other library says what it is.

    Files are told apart by name, size and time, not by content: they may be very large. `part` says
    which layer of the files this is, where they hold several.
    """
    shards = tuple(ShardEntry(name, n, _fingerprint(folder / name, part)) for name, n in files)
    meta = CacheMeta(
        model_name=model_name,
        model_dtype="unknown",
        hook_name=hook_name,
        d_in=d_in,
        dtype=dtype,
        n_tokens=sum(n for _, n in files),
        n_documents=n_documents,
        context=context,
        bos=None,
        tokenizer_sha256="unknown",
        text_sha256="unknown",
        dropped=dropped or {},
        shards=shards,
    )
    return ActivationCache(folder, meta, read)


def starts_of(counts: Sequence[int]) -> list[int]:
    """Where each file's rows begin."""
    return [0, *np.cumsum(counts)[:-1].tolist()]


def chosen_layer(folder: Path, layers: Sequence[int], asked: int | None) -> int:
    """The place, among the layers that files hold, of the one that is asked for.

    Raises:
        InvalidInputError: none was asked for and there are several, or there is none such.
    """
    if asked is None and len(layers) == 1:
        return 0
    if asked is None or asked not in layers:
        which = "several layers" if asked is None else f"no layer {asked}"
        raise InvalidInputError(
            f"{folder} holds {which}: {', '.join(map(str, layers))}; name one, such as "
            f"{folder}#{layers[0]}"
        )
    return list(layers).index(asked)


def _fingerprint(path: Path, part: str) -> str:
    status = path.stat()
    about = f"{path.name} {status.st_size} {status.st_mtime_ns}{part and ' '}{part}"
    return hashlib.sha256(about.encode()).hexdigest()
