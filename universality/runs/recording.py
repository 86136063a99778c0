"""Codes of two runs over the same tokens: what the activations view compares."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias, final

import numpy as np
import torch

from universality.activations.alignment import TokenTable, align, read_table
from universality.activations.cache import ActivationCache
from universality.activations.formats import detection
from universality.codes import Codes, rearrange_tokens
from universality.dictionary import Dictionary
from universality.encoding.delphi import CodedRun
from universality.encoding.streaming import encode
from universality.errors import InvalidInputError

Activations: TypeAlias = (
    "ActivationCache | str | Path | Sequence[ActivationCache] | Sequence[str] | Sequence[Path]"
)
"""One cache for both runs, or one for each; opened, or the folders they lie in."""


@final
@dataclass(frozen=True, eq=False)
class Recording:
    """What all latents of two runs do on the same tokens, in the same order."""

    a: Codes
    """Codes of the first run."""
    b: Codes
    """Codes of the second run."""
    table: TokenTable
    """Token, document and position of each column."""
    caches: tuple[ActivationCache, ActivationCache]
    """Where the activations of a and of b came from."""
    rows: np.ndarray
    """Row of the first cache that each token is."""

    @property
    def n_tokens(self) -> int:
        """Number of tokens."""
        return len(self.table)

    @property
    def n_documents(self) -> int:
        """Number of documents they come from."""
        return int(np.unique(self.table.documents).size)


def record(
    a: Dictionary,
    b: Dictionary,
    activations: Activations,
    *,
    device: torch.device | str = "cpu",
    codes: Path | None = None,
    progress: bool = True,
) -> Recording:
    """Both runs encoded over the caches, on the tokens that both caches hold.

    `codes` is a folder in which the codes are kept, so that a second call need not encode again;
    None keeps them in memory.

    Raises:
        InvalidInputError: the caches are not of the same texts, or not of the runs' width.
    """
    cache_a, cache_b = open_activations(activations)
    encoded = [
        encode(
            run,
            cache,
            folder=None if codes is None else codes / side,
            device=device,
            progress=progress,
        )
        for side, run, cache in (("a", a, cache_a), ("b", b, cache_b))
    ]
    if cache_a.meta.sha256 == cache_b.meta.sha256:
        rows = np.arange(len(cache_a))
        return Recording(encoded[0], encoded[1], read_table(cache_a), (cache_a, cache_b), rows)
    rows_a, rows_b = align(cache_a, cache_b)
    return Recording(
        _only(encoded[0], rows_a),
        _only(encoded[1], rows_b),
        read_table(cache_a).take(rows_a),
        (cache_a, cache_b),
        rows_a,
    )


def pair_up(a: CodedRun, b: CodedRun) -> Recording:
    """The codes of two runs that were cached over the same tokens.

    Raises:
        InvalidInputError: the tokens differ.
    """
    tables = [read_table(run.cache) for run in (a, b)]
    shapes = [run.cache.meta for run in (a, b)]
    if shapes[0].context != shapes[1].context or not np.array_equal(
        tables[0].tokens, tables[1].tokens
    ):
        raise InvalidInputError(
            f"{a.cache.path} and {b.cache.path} hold codes of different tokens "
            f"({len(tables[0]):,} in windows of {shapes[0].context}, and {len(tables[1]):,} in "
            f"windows of {shapes[1].context}); cache both over the same data set, with the same "
            "number of tokens and context length"
        )
    return Recording(a.codes, b.codes, tables[0], (a.cache, b.cache), np.arange(len(tables[0])))


def open_activations(activations: Activations) -> tuple[ActivationCache, ActivationCache]:
    """The caches of a and of b, opened.

    Raises:
        InvalidInputError: neither one cache nor two.
    """
    given = [activations] if isinstance(activations, ActivationCache | str | Path) else activations
    opened = [
        one if isinstance(one, ActivationCache) else detection.open_activations(one)
        for one in given
    ]
    if len(opened) not in (1, 2):
        raise InvalidInputError(
            "--activations takes one folder for both runs, or two: that of a, then that of b; "
            f"got {len(opened)}"
        )
    return opened[0], opened[-1]


def _only(codes: Codes, rows: np.ndarray) -> Codes:
    return codes if rows.size == codes.n_tokens else rearrange_tokens(codes, rows)
