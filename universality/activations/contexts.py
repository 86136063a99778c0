"""The text around a row: what the model read, whole, although some of its rows were dropped."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import final

import torch
from jaxtyping import Int
from safetensors.torch import save_file
from torch import Tensor

from universality.activations.alignment import read_table
from universality.activations.cache import ActivationCache, read_rows
from universality.activations.windows import Window
from universality.errors import FormatError, InvalidInputError
from universality.intake.tensor_files import opened_safetensors, take_whole_numbers
from universality.storage.staged_files import staged_file

TOKENS_FILE = "tokens.safetensors"


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
    found = read_rows(cache, rows)
    documents = found.documents.long()
    if (cache.path / TOKENS_FILE).is_file():
        tokens, starts = _tokens(cache.path / TOKENS_FILE)
        row_of = _rows_of_tokens(cache, starts)
        places = starts[documents] + found.positions
    else:
        tokens, starts = _tokens_of_rows(cache)
        places, row_of = rows, torch.arange(len(tokens))
        if cache.kept is not None:
            places, row_of = cache.kept[rows], torch.full((len(tokens),), -1, dtype=torch.long)
            row_of[cache.kept] = torch.arange(len(cache))
    made = []
    for row, document, place in zip(
        rows.tolist(), documents.tolist(), places.tolist(), strict=True
    ):
        first = max(int(starts[document]), place - before)
        last = min(int(starts[document + 1]), place + after + 1)
        shown = tokens[first:last].tolist()
        strings = tuple(cache.vocabulary.get(token, f"<{token}>") for token in shown)
        kept = tuple(row_of[first:last].tolist())
        made.append(Context(row, cache.document_names[document], strings, place - first, kept))
    return made


def write_tokens(folder: Path, windows: Sequence[Window]) -> None:
    """Write every token the model read, first positions and dropped rows included."""
    tokens = torch.cat([torch.from_numpy(window.tokens) for window in windows])
    lengths = torch.zeros(windows[-1].document + 1, dtype=torch.long)
    for window in windows:
        lengths[window.document] += len(window.tokens)
    starts = torch.cat([torch.zeros(1, dtype=torch.long), lengths.cumsum(0)])
    with staged_file(folder / TOKENS_FILE) as staged:
        save_file({"tokens": tokens, "starts": starts}, staged)


@lru_cache(maxsize=4)
def _tokens(path: Path) -> tuple[Tensor, Tensor]:
    with opened_safetensors(path, advice="collect the cache again") as file:
        tokens, starts = (take_whole_numbers(file, name, path) for name in ("tokens", "starts"))
    starts = starts.long()
    ordered = starts.ndim == 1 and len(starts) > 1 and bool((starts.diff() >= 0).all())
    if tokens.ndim != 1 or not ordered or [int(starts[0]), int(starts[-1])] != [0, len(tokens)]:
        raise FormatError(f"{path}: its documents do not begin and end where its tokens do")
    return tokens, starts


def _rows_of_tokens(cache: ActivationCache, starts: Tensor) -> Tensor:
    rows = torch.full((int(starts[-1]),), -1, dtype=torch.long)
    table = read_table(cache)
    lengths = starts.diff().numpy()
    beyond = table.documents >= len(lengths)
    if beyond.any() or (table.positions >= lengths[table.documents]).any():
        raise FormatError(
            f"{cache.path / TOKENS_FILE} is not of these activations: it lacks documents, or "
            "tokens of them; collect the cache again"
        )
    places = starts.numpy()[table.documents] + table.positions
    rows[torch.from_numpy(places)] = torch.arange(len(table))
    return rows


def _tokens_of_rows(cache: ActivationCache) -> tuple[Tensor, Tensor]:
    tokens = torch.cat([shard.tokens for shard in cache.shards])
    documents = torch.cat([shard.documents for shard in cache.shards]).long()
    lengths = torch.bincount(documents, minlength=cache.meta.n_documents)
    return tokens, torch.cat([torch.zeros(1, dtype=torch.long), lengths.cumsum(0)])
