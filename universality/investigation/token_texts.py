"""The text of consecutive tokens, characters that several tokens share put together again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias, final

import numpy as np
from jaxtyping import Int64

Decode: TypeAlias = Callable[[Sequence[int]], str]
"""The text of several tokens together, as their tokenizer gives it."""

PARTIAL = "\ufffd"
"""How a part of a character is shown."""
_LONGEST = 8
"""Tokens after which what is still no character is given up: no character has more bytes."""


@final
@dataclass(frozen=True, eq=False)
class TokenTexts:
    """For each token of a stream, what text is complete with it.

    Most tokens are a unit of their own. A token that holds only a part of a character forms a unit
    with those that complete it.
    """

    units: tuple[str, ...]
    """The text of the unit that is complete with this token; empty inside of a character."""
    first: Int64[np.ndarray, " n_stream"]
    """Where that unit begins."""
    last: Int64[np.ndarray, " n_stream"]
    """Where the unit that this token belongs to ends; itself where it completes one."""

    @property
    def n_inside(self) -> int:
        """Tokens inside of a character."""
        return int((self.last != np.arange(len(self.last))).sum())


def token_texts(
    tokens: Int64[np.ndarray, " n_stream"], strings: Sequence[str], decode: Decode | None
) -> TokenTexts:
    """The texts of a stream, from the string of each token of the vocabulary.

    A string with U+FFFD is part of a character: these are decoded together with what follows, until
    nothing is left over. Without `decode`, or where the bytes are no character, they stay U+FFFD.
    """
    units = [strings[token] for token in tokens.tolist()]
    first, last = np.arange(len(units)), np.arange(len(units))
    if decode is None:
        return TokenTexts(tuple(units), first, last)
    at = 0
    while at < len(units):
        if PARTIAL in units[at]:
            at = _joined(tokens, units, first, last, at, decode)
        else:
            at += 1
    return TokenTexts(tuple(units), first, last)


def _joined(
    tokens: np.ndarray,
    units: list[str],
    first: np.ndarray,
    last: np.ndarray,
    start: int,
    decode: Decode,
) -> int:
    """Where to go on after a unit of several tokens was put together, or given up."""
    for stop in range(start + 2, min(start + _LONGEST, len(units)) + 1):
        text = decode(tokens[start:stop].tolist())
        if PARTIAL not in text:
            for inside in range(start, stop - 1):
                units[inside] = ""
            units[stop - 1] = text
            first[stop - 1], last[start:stop] = start, stop - 1
            return stop
    return start + 1
