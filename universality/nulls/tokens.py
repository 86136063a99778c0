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


def kept_places(
    documents: Int[np.ndarray, " n_tokens"], window: int = WINDOW
) -> tuple[Int64[np.ndarray, " n_tokens"], Int64[np.ndarray, " n_tokens"]]:
    """The piece of each token, and a number of the place that it keeps when pieces change places.

    Two tokens have the same number where they are the same token of pieces that may change places;
    the rests of documents, which the draws leave out, count as pieces. Numbers count from 0, by
    token within a piece and then by group of pieces.
    """
    begins = np.flatnonzero(np.diff(documents, prepend=documents[:1] - 1))
    lengths = np.diff(np.append(begins, documents.size))
    token = np.arange(documents.size) - np.repeat(begins, lengths)
    piece = np.cumsum(token % window == 0) - 1
    group = _group_of_place(_pieces(documents, window)[1], int(token.max()) // window + 1)
    return piece, group[token // window] * window + token % window


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
    group = _group_of_place(place, int(place.max()) + 1)[place]
    return [group == k for k in range(int(group.max()) + 1)]


def _group_of_place(
    place: Int64[np.ndarray, " n_pieces"], n_places: int
) -> Int64[np.ndarray, " n_places"]:
    """For each place, which group a piece there belongs to; a last piece alone joins the others."""
    counts = np.bincount(place)
    mixed_from = int(np.argmax(np.append(counts, 0) < _PIECES_PER_GROUP))
    if mixed_from > 0 and counts[mixed_from:].sum() == 1:
        mixed_from -= 1
    return np.minimum(np.arange(n_places), mixed_from)
