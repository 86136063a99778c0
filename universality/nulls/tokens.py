"""The null of activations: the same codes on other tokens, so that only chance makes them agree.

Pieces of text of equal length change places, and all latents of b move together: every latent
keeps its codes, its frequency and its course within a piece, every pair within b its correlation,
and the beginning of a document stays the beginning of one. What is left of the similarity is what
that many tokens give to unrelated runs.
"""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Int, Int64

from universality.errors import InvalidInputError

WINDOW = 16
"""Tokens in a piece."""
_PIECES_PER_GROUP = 16


def permute_windows(
    documents: Int[np.ndarray, " n_tokens"],
    *,
    generator: torch.Generator,
    window: int = WINDOW,
) -> tuple[Int64[np.ndarray, " n_kept"], Int64[np.ndarray, " n_kept"]]:
    """Rows of a, and for each the row of b that takes its token's place.

    Each document is cut into pieces of `window` rows, its rest is left out. The k-th piece of one
    document goes where the k-th piece of another was; from the k on where fewer than 16 documents
    are that long, pieces of all later places are mixed. No piece stays where it was.

    Raises:
        InvalidInputError: there are fewer than two pieces.
    """
    starts, place = _pieces(documents, window)
    if starts.size < 2:
        raise InvalidInputError(
            f"the tokens null needs at least two pieces of {window} tokens, but {documents.size} "
            f"tokens of {np.unique(documents).size} documents give {starts.size}; collect more "
            "tokens"
        )
    source = np.empty_like(starts)
    for group in _groups(place):
        members = np.flatnonzero(group)
        order = members[torch.randperm(members.size, generator=generator).numpy()]
        source[order] = starts[np.roll(order, 1)]
    inside = np.arange(window)
    return (starts[:, None] + inside).reshape(-1), (source[:, None] + inside).reshape(-1)


def _pieces(
    documents: Int[np.ndarray, " n_tokens"], window: int
) -> tuple[Int64[np.ndarray, " n_pieces"], Int64[np.ndarray, " n_pieces"]]:
    """First row of each piece, and which piece of its document it is."""
    begins = np.flatnonzero(np.diff(documents, prepend=documents[:1] - 1))
    lengths = np.diff(np.append(begins, documents.size)) // window
    place = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    return (np.repeat(begins, lengths) + place * window).astype(np.int64), place.astype(np.int64)


def _groups(place: Int64[np.ndarray, " n_pieces"]) -> list[np.ndarray]:
    """Pieces that may change places: equal places while many documents have them, then the rest."""
    counts = np.bincount(place)
    mixed_from = int(np.argmax(np.append(counts, 0) < _PIECES_PER_GROUP))
    groups = [place == k for k in range(mixed_from)]
    rest = place >= mixed_from
    if rest.sum() == 1 and groups:
        groups[-1] = groups[-1] | rest
    elif rest.any():
        groups.append(rest)
    return groups
