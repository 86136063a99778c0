"""The text around a row: what the model read, whole, although some of its rows were dropped."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import final

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from universality.activations.cache import ActivationCache, read_rows
from universality.activations.windows import Window
from universality.errors import InvalidInputError

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


def context(cache: ActivationCache, row: int, *, before: int = 20, after: int = 10) -> Context:
    """The tokens around a row, up to `before` and `after` of them, within its document.

    Raises:
        InvalidInputError: the cache has no such row.
    """
    if not 0 <= row < len(cache):
        raise InvalidInputError(f"row {row} is not in {cache.path}: it has {len(cache)} rows")
    found = read_rows(cache, torch.tensor([row]))
    document, position = int(found.documents[0]), int(found.positions[0])
    tokens, starts = _tokens(cache.path / TOKENS_FILE)
    text = tokens[starts[document] : starts[document + 1]]
    first = max(0, position - before)
    strings = tuple(cache.vocabulary[int(t)] for t in text[first : position + after + 1])
    return Context(row, cache.document_names[document], strings, position - first)


def write_tokens(folder: Path, windows: Sequence[Window]) -> None:
    """Write every token the model read, first positions and dropped rows included."""
    tokens = torch.cat([torch.from_numpy(window.tokens) for window in windows])
    lengths = torch.zeros(windows[-1].document + 1, dtype=torch.long)
    for window in windows:
        lengths[window.document] += len(window.tokens)
    starts = torch.cat([torch.zeros(1, dtype=torch.long), lengths.cumsum(0)])
    save_file({"tokens": tokens, "starts": starts}, folder / TOKENS_FILE)


@lru_cache(maxsize=4)
def _tokens(path: Path) -> tuple[Tensor, Tensor]:
    content = load_file(path)
    return content["tokens"], content["starts"]
