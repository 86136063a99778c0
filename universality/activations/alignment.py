"""Two caches row by row: which of their rows are the same token, or the same place, of a text.

Where one tokenizer cut the text for both, a row is known by its document and position. Where two
did, a row of the one and a row of the other belong together if their tokens *end* at the same
character of the same document: there both models have read the same text and nothing behind it.
Tokens that end elsewhere have no partner and are left out.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Int64

from universality.activations.cache import ActivationCache
from universality.activations.token_stream import token_stream
from universality.activations.token_table import TokenTable, read_table
from universality.errors import InvalidInputError


def align(
    a: ActivationCache, b: ActivationCache
) -> tuple[Int64[np.ndarray, " n_common"], Int64[np.ndarray, " n_common"]]:
    """Rows of a and rows of b that are the same place of the same document.

    Two hooks or models drop different rows (those of very large norm), so the caches need not be
    of one length; what both kept is compared. With two tokenizers these are the rows whose tokens
    end at the same character.

    Raises:
        InvalidInputError: the caches were not made from the same texts, have fewer than half of
            their rows in common, or were made with different tokenizers and do not record where
            tokens end, or no two end together.
        FormatError: the record of a cache's tokens is damaged.
    """
    left, right = read_table(a), read_table(b)
    if a.document_names[: b.meta.n_documents] != b.document_names[: a.meta.n_documents]:
        raise _other_texts(a, b)
    rows_a, rows_b = _in_both(_places(left), _places(right))
    differ = left.tokens[rows_a] != right.tokens[rows_b]
    if differ.any():
        at = rows_a[np.flatnonzero(differ)[0]]
        found = (
            f"{a.path} and {b.path} disagree on {int(differ.sum())} tokens, first in document "
            f"{left.documents[at]} at position {left.positions[at]}"
        )
        return _by_characters(a, b, found)
    if 2 * rows_a.size < min(len(left), len(right)):
        raise InvalidInputError(
            f"{a.path} and {b.path} have {rows_a.size} of {len(left)} and {len(right)} rows in "
            "common; collect both over the same texts with the same --context"
        )
    return rows_a, rows_b


def _by_characters(
    a: ActivationCache, b: ActivationCache, found: str
) -> tuple[Int64[np.ndarray, " n_common"], Int64[np.ndarray, " n_common"]]:
    if a.meta.text_sha256 != b.meta.text_sha256:
        raise _other_texts(a, b)
    ending_a, places_a = _character_places(a, found)
    ending_b, places_b = _character_places(b, found)
    at_a, at_b = _in_both(places_a, places_b)
    if not at_a.size:
        raise InvalidInputError(
            f"{found}: the models have different tokenizers, and no row of the one ends at the "
            "character of the texts where a row of the other ends; collect both over the same "
            "texts, with --max-tokens large enough that they reach the same documents"
        )
    return ending_a[at_a], ending_b[at_b]


def _character_places(
    cache: ActivationCache, found: str
) -> tuple[Int64[np.ndarray, " n_ending"], Int64[np.ndarray, " n_ending"]]:
    """The rows whose token ends between two characters, and where in the texts."""
    stream = token_stream(cache)
    if stream.ends is None:
        raise InvalidInputError(
            f"{found}: the models have different tokenizers, and {cache.path} does not record at "
            "which characters its tokens end; collect it again with `universality activations "
            "collect` and a fast tokenizer (one with a tokenizer.json)"
        )
    ends = stream.ends[stream.place_of].long().numpy()
    rows = np.flatnonzero(ends >= 0)
    return rows, (stream.documents.numpy()[rows] << 32) | ends[rows]


def _in_both(
    a: Int64[np.ndarray, " n_a"], b: Int64[np.ndarray, " n_b"]
) -> tuple[Int64[np.ndarray, " n_common"], Int64[np.ndarray, " n_common"]]:
    _, of_a, of_b = np.intersect1d(a, b, assume_unique=True, return_indices=True)
    return of_a.astype(np.int64), of_b.astype(np.int64)


def _other_texts(a: ActivationCache, b: ActivationCache) -> InvalidInputError:
    return InvalidInputError(
        f"{a.path} and {b.path} hold activations of different texts; collect both with the "
        "same --text files, in the same order"
    )


def _places(table: TokenTable) -> Int64[np.ndarray, " n_tokens"]:
    return (table.documents.astype(np.int64) << 32) | table.positions.astype(np.int64)
