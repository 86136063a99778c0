"""Where the token of each row of a cache comes from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np
from jaxtyping import Int, Int64

from universality.activations.cache import ActivationCache


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
