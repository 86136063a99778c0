"""Every token that the model read, in order, and which of them have a row in the cache."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import final

import torch
from jaxtyping import Int
from torch import Tensor

from universality.activations.cache import ActivationCache
from universality.activations.token_table import read_table
from universality.errors import FormatError
from universality.intake.tensor_files import opened_safetensors, take_whole_numbers

TOKENS_FILE = "tokens.safetensors"
"""Where a cache keeps all the tokens, those without a row included."""


@final
@dataclass(frozen=True, eq=False)
class TokenStream:
    """The tokens of all documents, one after the other."""

    tokens: Int[Tensor, " n_stream"]
    """Token ids."""
    starts: Int[Tensor, " n_documents_and_one"]
    """Where each document begins; the last entry is where the last one ends."""
    place_of: Int[Tensor, " n_rows"]
    """For each row of the cache, which of the tokens it is."""
    row_of: Int[Tensor, " n_stream"]
    """For each token, its row of the cache; -1 where it has none."""
    documents: Int[Tensor, " n_rows"]
    """For each row, its document."""
    ends: Int[Tensor, " n_stream"] | None = None
    """Characters of the document up to the end of each token, ascending within it; -1 where the
    token ends inside a character or adds none. None where the cache does not record them."""


def token_stream(cache: ActivationCache) -> TokenStream:
    """The tokens of a cache; where it keeps no record of all, those that have rows.

    Raises:
        FormatError: the record is not of these activations.
    """
    table = read_table(cache)
    documents = torch.from_numpy(table.documents).long()
    if (cache.path / TOKENS_FILE).is_file():
        tokens, starts, ends = _recorded(cache.path / TOKENS_FILE)
        positions = torch.from_numpy(table.positions)
        _check(cache, starts, documents, positions)
        places = starts[documents] + positions
    else:
        tokens, starts, ends = *_of_rows(cache), None
        places = torch.arange(len(tokens)) if cache.kept is None else cache.kept
    row_of = torch.full((len(tokens),), -1, dtype=torch.long)
    row_of[places] = torch.arange(len(places))
    return TokenStream(tokens, starts, places, row_of, documents, ends)


@lru_cache(maxsize=4)
def _recorded(path: Path) -> tuple[Tensor, Tensor, Tensor | None]:
    with opened_safetensors(path, advice="collect the cache again") as file:
        tokens, starts = (take_whole_numbers(file, name, path) for name in ("tokens", "starts"))
        names = set(file.keys())
        ends = take_whole_numbers(file, "ends", path) if "ends" in names else None
    starts = starts.long()
    ordered = starts.ndim == 1 and len(starts) > 1 and bool((starts.diff() >= 0).all())
    if tokens.ndim != 1 or not ordered or [int(starts[0]), int(starts[-1])] != [0, len(tokens)]:
        raise FormatError(f"{path}: its documents do not begin and end where its tokens do")
    if ends is not None:
        _check_ends(path, starts, ends)
    return tokens, starts, ends


def _check_ends(path: Path, starts: Tensor, ends: Tensor) -> None:
    if ends.shape == (int(starts[-1]),):
        documents = torch.repeat_interleave(starts.diff())
        places = ((documents << 32) + ends.long())[ends >= 0]
        if bool((places.diff() > 0).all()):
            return
    raise FormatError(
        f"{path}: its tokens do not end one after the other in their documents; "
        "collect the cache again"
    )


def _check(cache: ActivationCache, starts: Tensor, documents: Tensor, positions: Tensor) -> None:
    lengths = starts.diff()
    if bool((documents >= len(lengths)).any()) or bool((positions >= lengths[documents]).any()):
        raise FormatError(
            f"{cache.path / TOKENS_FILE} is not of these activations: it lacks documents, or "
            "tokens of them; collect the cache again"
        )


def _of_rows(cache: ActivationCache) -> tuple[Tensor, Tensor]:
    tokens = torch.cat([shard.tokens for shard in cache.shards])
    documents = torch.cat([shard.documents for shard in cache.shards]).long()
    lengths = torch.bincount(documents, minlength=cache.meta.n_documents)
    return tokens, torch.cat([torch.zeros(1, dtype=torch.long), lengths.cumsum(0)])
