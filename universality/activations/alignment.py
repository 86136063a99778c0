"""Two caches row by row: which of their rows are the same token of the same text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np
from jaxtyping import Int, Int64

from universality.activations.cache import ActivationCache
from universality.errors import InvalidInputError


@final
@dataclass(frozen=True, eq=False)
class TokenTable:
    """Where each token comes from."""

    tokens: Int[np.ndarray, " n_tokens"]
    """Token ids."""
    documents: Int[np.ndarray, " n_tokens"]
    """Index of the token's document."""
    positions: Int[np.ndarray, " n_tokens"]
    """Index of the token within its document."""

    def __len__(self) -> int:
        return len(self.tokens)

    def take(self, rows: Int64[np.ndarray, " n_taken"]) -> TokenTable:
        """The rows of these numbers."""
        return TokenTable(self.tokens[rows], self.documents[rows], self.positions[rows])


def read_table(cache: ActivationCache) -> TokenTable:
    """Tokens, documents and positions of every row of a cache; 12 bytes a row."""
    table = TokenTable(
        *(
            np.concatenate([getattr(shard, field).numpy() for shard in cache.shards])
            for field in ("tokens", "documents", "positions")
        )
    )
    return table if cache.kept is None else table.take(cache.kept.numpy())


def align(
    a: ActivationCache, b: ActivationCache
) -> tuple[Int64[np.ndarray, " n_common"], Int64[np.ndarray, " n_common"]]:
    """Rows of a and rows of b that are the same token at the same place of the same document.

    Two hooks or models drop different rows (those of very large norm), so the caches need not be
    of one length; what both kept is compared.

    Raises:
        InvalidInputError: the caches were not made from the same texts with the same tokenizer,
            or have fewer than half of their rows in common.
    """
    left, right = read_table(a), read_table(b)
    if a.document_names[: b.meta.n_documents] != b.document_names[: a.meta.n_documents]:
        raise InvalidInputError(
            f"{a.path} and {b.path} hold activations of different texts; collect both with the "
            "same --text files, in the same order"
        )
    key_a, key_b = _places(left), _places(right)
    _, rows_a, rows_b = np.intersect1d(key_a, key_b, assume_unique=True, return_indices=True)
    differ = left.tokens[rows_a] != right.tokens[rows_b]
    if differ.any():
        at = rows_a[np.flatnonzero(differ)[0]]
        raise InvalidInputError(
            f"{a.path} and {b.path} disagree on {int(differ.sum())} tokens, first in document "
            f"{left.documents[at]} at position {left.positions[at]}: the models have different "
            "tokenizers, so their activations cannot be compared token by token"
        )
    if 2 * rows_a.size < min(len(left), len(right)):
        raise InvalidInputError(
            f"{a.path} and {b.path} have {rows_a.size} of {len(left)} and {len(right)} rows in "
            "common; collect both over the same texts with the same --context"
        )
    return rows_a.astype(np.int64), rows_b.astype(np.int64)


def _places(table: TokenTable) -> Int64[np.ndarray, " n_tokens"]:
    return (table.documents.astype(np.int64) << 32) | table.positions.astype(np.int64)
