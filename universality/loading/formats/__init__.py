"""Every format that can be read: one module each, with `recognise` and `read`, listed here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import final

from universality.dictionary import Dictionary
from universality.errors import InvalidInputError
from universality.loading.checkpoints import Checkpoint
from universality.loading.formats import bare, dictionary_learning, saelens, sparsify


def _only_one(checkpoint: Checkpoint) -> tuple[str, ...]:
    return ()


@final
@dataclass(frozen=True, eq=False)
class Format:
    """One way in which checkpoints lie on disk."""

    name: str
    """As `--format` spells it."""
    title: str
    """Who writes it."""
    recognise: Callable[[Checkpoint], bool]
    """Whether the weight file, with what lies beside it, is of this format."""
    read: Callable[[Checkpoint], Dictionary]
    """The canonical dictionary."""
    parts: Callable[[Checkpoint], tuple[str, ...]] = _only_one
    """Names of the dictionaries in a file that holds several; empty where it holds one."""


FORMATS: tuple[Format, ...] = (
    Format(saelens.NAME, "SAELens 3 to 6", saelens.recognise, saelens.read),
    Format(
        dictionary_learning.NAME,
        "saprmarks/dictionary_learning",
        dictionary_learning.recognise,
        dictionary_learning.read,
    ),
    Format(sparsify.NAME, "EleutherAI/sparsify", sparsify.recognise, sparsify.read),
)
"""The formats of libraries; a file that none of them recognises may still be a bare decoder."""

BARE_DECODER = Format(bare.NAME, "a bare decoder matrix", bare.recognise, bare.read)
"""Directions alone, the last resort."""


def format_named(name: str) -> Format:
    """The format that `--format` names (without what follows a colon).

    Raises:
        InvalidInputError: there is no such format; the known ones are listed.
    """
    for candidate in (*FORMATS, BARE_DECODER):
        if candidate.name == name:
            return candidate
    known = ", ".join(sorted(candidate.name for candidate in (*FORMATS, BARE_DECODER)))
    raise InvalidInputError(f"unknown format {name!r}; known are {known}")
