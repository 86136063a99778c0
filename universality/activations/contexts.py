"""The text around a row: what the model read, whole, although some of its rows were dropped."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import final

import torch
from jaxtyping import Int
from safetensors.torch import save_file
from torch import Tensor

from universality.activations.cache import ActivationCache
from universality.activations.token_stream import TOKENS_FILE, token_stream
from universality.activations.windows import Window
from universality.errors import InvalidInputError
from universality.storage.staged_files import staged_file


@final
@dataclass(frozen=True)
class Context:
    """Tokens around one row of a cache."""

    row: int
    """Number of the row."""
    document: str
    """Name of its document."""
    strings: tuple[str, ...]
    """The tokens, in order; joined they are the text."""
    centre: int
    """Which of the strings is the row's own token."""
    rows: tuple[int, ...]
    """Row of the cache that each string is; -1 where that row was dropped."""


def context(cache: ActivationCache, row: int, *, before: int = 20, after: int = 10) -> Context:
    """The tokens around a row, up to `before` and `after` of them, within its document.

    Raises:
        InvalidInputError: the cache has no such row.
    """
    return contexts(cache, torch.tensor([row]), before=before, after=after)[0]


def contexts(
    cache: ActivationCache, rows: Int[Tensor, " n_rows"], *, before: int = 20, after: int = 10
) -> list[Context]:
    """The tokens around each of many rows, as `context` gives them.

    Where a cache has no record of what the model read, dropped rows are missing from the text.

    Raises:
        InvalidInputError: the cache has no such row.
    """
    outside = rows[(rows < 0) | (rows >= len(cache))]
    if len(outside):
        raise InvalidInputError(
            f"row {int(outside[0])} is not in {cache.path}: it has {len(cache)} rows"
        )
    stream = token_stream(cache)
    documents, places = stream.documents[rows], stream.place_of[rows]
    firsts = torch.maximum(stream.starts[documents], places - before)
    lasts = torch.minimum(stream.starts[documents + 1], places + after + 1)
    tokens, row_of = stream.tokens.numpy(), stream.row_of.numpy()
    names = [cache.document_names[document] for document in documents.tolist()]
    spans = zip(rows.tolist(), names, places.tolist(), firsts.tolist(), lasts.tolist(), strict=True)
    return [
        Context(
            row,
            name,
            tuple(
                cache.vocabulary.get(token, f"<{token}>") for token in tokens[first:last].tolist()
            ),
            place - first,
            tuple(row_of[first:last].tolist()),
        )
        for row, name, place, first, last in spans
    ]


def write_tokens(folder: Path, windows: Sequence[Window]) -> None:
    """Write every token the model read, first positions and dropped rows included.

    Where the tokenizer says so, with the character at which each ends.
    """
    tokens = torch.cat([torch.from_numpy(window.tokens) for window in windows])
    lengths = torch.zeros(windows[-1].document + 1, dtype=torch.long)
    for window in windows:
        lengths[window.document] += len(window.tokens)
    starts = torch.cat([torch.zeros(1, dtype=torch.long), lengths.cumsum(0)])
    with staged_file(folder / TOKENS_FILE) as staged:
        save_file({"tokens": tokens, "starts": starts} | _ends(windows), staged)


def _ends(windows: Sequence[Window]) -> dict[str, Tensor]:
    ends = [torch.from_numpy(window.ends) for window in windows if window.ends is not None]
    return {"ends": torch.cat(ends)} if len(ends) == len(windows) else {}
