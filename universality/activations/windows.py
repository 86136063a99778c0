"""Documents cut into the token windows that a model sees one at a time."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, final

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor

from universality.activations.documents import Document
from universality.errors import InvalidInputError


@final
@dataclass(frozen=True, eq=False)
class Window:
    """Consecutive tokens of one document, seen by the model without the tokens before them."""

    document: int
    """Index of the document."""
    start: int
    """Position of the first token within the document."""
    tokens: Int[np.ndarray, " n_tokens"]
    """Token ids, without a beginning-of-sequence token."""
    ends: Int[np.ndarray, " n_tokens"] | None = None
    """Characters of the document up to the end of each token; -1 where it ends inside a character
    or adds none. None where the tokenizer does not say."""


def windows_hash(windows: Sequence[Window]) -> str:
    """SHA-256 of the tokens that the model reads, with the document and place of each window."""
    digest = hashlib.sha256()
    for window in windows:
        digest.update(f"{window.document} {window.start} {len(window.tokens)} ".encode())
        digest.update(window.tokens.astype("<i8").tobytes())
    return digest.hexdigest()


def cut_windows(
    documents: Sequence[Document], tokenizer: Any, *, context: int, bos: int | None
) -> list[Window]:
    """Windows of at most `context` tokens, in document order; single tokens at the end are dropped.

    Where a token `bos` is to stand before each window, each leaves room for it.
    """
    room = context - (bos is not None)
    return [
        window
        for index, document in enumerate(documents)
        for window in _cut(_whole(document.text, index, tokenizer), room)
    ]


def limit_rows(windows: Sequence[Window], n_tokens: int, *, has_bos: bool = False) -> list[Window]:
    """The first windows, the last one shortened, so that they have `n_tokens` rows.

    A window has one row per token; without a token before it, none for its first.
    """
    skipped = 0 if has_bos else 1
    kept, left = [], n_tokens
    for window in windows:
        if left <= 0:
            break
        kept.append(_part(window, 0, left + skipped))
        left -= len(kept[-1].tokens) - skipped
    return kept


def bos_token(tokenizer: Any, *, prepend: bool | None = None) -> int | None:
    """The token to put before every window; None for none.

    `prepend` None does what the tokenizer itself does to a text.

    Raises:
        InvalidInputError: it is asked for, and the tokenizer has none.
    """
    bos = tokenizer.bos_token_id
    if prepend and bos is None:
        raise InvalidInputError("--bos: the tokenizer has no beginning-of-sequence token")
    if prepend is None:
        prepend = bos is not None and list(tokenizer("a").input_ids[:1]) == [bos]
    return int(bos) if prepend else None


def special_tokens(tokenizer: Any) -> list[int]:
    """Ids that stand for no text: beginning, end, padding, chat marks.

    The unknown token stands for text and is none of them, unless it has a second use.
    """
    uses = (tokenizer.bos_token_id, tokenizer.eos_token_id, tokenizer.pad_token_id)
    found = set(tokenizer.all_special_ids)
    return sorted(found if tokenizer.unk_token_id in uses else found - {tokenizer.unk_token_id})


def cut_at(windows: Sequence[Window], n_tokens: int) -> list[tuple[Window, ...]]:
    """Consecutive groups of windows, each holding at least `n_tokens` tokens except the last."""
    ends = np.cumsum([len(window.tokens) for window in windows])
    marks = [0]
    while marks[-1] < len(windows):
        reached = ends[marks[-1] - 1] if marks[-1] else 0
        marks.append(min(int(np.searchsorted(ends, reached + n_tokens)) + 1, len(windows)))
    return [tuple(windows[low:high]) for low, high in pairwise(marks)]


def batches(windows: Sequence[Window], n_tokens: int) -> Iterator[list[int]]:
    """Indices of windows of similar length; a batch with its padding has at most `n_tokens`."""
    batch: list[int] = []
    for index in sorted(range(len(windows)), key=lambda i: -len(windows[i].tokens)):
        if batch and (len(batch) + 1) * len(windows[batch[0]].tokens) > n_tokens:
            yield batch
            batch = []
        batch.append(index)
    if batch:
        yield batch


def pad(
    windows: Sequence[Window], bos: int | None
) -> tuple[Int[Tensor, "n_windows context"], Int[Tensor, "n_windows context"]]:
    """Token ids, padded on the right, and their mask; `bos` stands before each window."""
    prefix = [] if bos is None else [bos]
    rows = [torch.tensor([*prefix, *window.tokens.tolist()]) for window in windows]
    tokens = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True)
    mask = torch.nn.utils.rnn.pad_sequence([torch.ones_like(row) for row in rows], batch_first=True)
    return tokens, mask


def _whole(text: str, document: int, tokenizer: Any) -> Window:
    """All tokens of a document as one window."""
    with_ends = bool(getattr(tokenizer, "is_fast", False))
    found = tokenizer(
        text, add_special_tokens=False, verbose=False, return_offsets_mapping=with_ends
    )
    ids = np.asarray(found.input_ids, dtype=np.int32)
    return Window(document, 0, ids, _ends(found.offset_mapping) if with_ends else None)


def _ends(offsets: Sequence[tuple[int, int]]) -> Int[np.ndarray, " n_tokens"]:
    """Where tokens end, of where they begin and end.

    A character of several bytes may be cut into several tokens. A tokenizer gives all of them the
    whole character; only behind the last one has the model read it.
    """
    starts, ends = np.asarray(offsets, dtype=np.int32).reshape(-1, 2).T
    inside = np.zeros(len(ends), dtype=bool)
    inside[:-1] = starts[1:] < ends[:-1]
    reached = np.maximum.accumulate(np.concatenate([[0], np.where(inside, 0, ends)]))[:-1]
    return np.where(inside | (ends <= reached), np.int32(-1), ends)


def _cut(whole: Window, room: int) -> Iterator[Window]:
    for start in range(0, len(whole.tokens), room):
        if len(whole.tokens) - start > 1:
            yield _part(whole, start, start + room)


def _part(window: Window, first: int, last: int) -> Window:
    ends = None if window.ends is None else window.ends[first:last]
    return Window(window.document, window.start + first, window.tokens[first:last], ends)
