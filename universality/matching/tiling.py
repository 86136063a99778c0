"""How the work is cut: sizes that change how fast a matching is found, never which."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from universality.errors import InvalidInputError


@final
@dataclass(frozen=True)
class Tiling:
    """Sizes of lists and blocks. Totals agree to 1e-9 per pair whatever is chosen."""

    width: int = 64
    """Pairs listed per latent of either side by the pass over the full product, about."""
    restricted: int = 12
    """Of these, the closest that the restricted problem begins with."""
    block_rows: int = 512
    """Rows of a block of the product."""
    block_cols: int = 4_096
    """Columns of a block of the product."""
    dense_below: int = 1_024
    """Products with no side above this are solved whole."""
    near: float = 0.02
    """How far below the potentials a pair may be to join the restricted problem when others
    violate them."""
    margin: float = 0.01
    """How far below the potentials a pricing pass still lists pairs, so that later passes, after
    the potentials have moved a little, need not look again."""

    def __post_init__(self) -> None:
        for name in ("width", "restricted", "block_rows", "block_cols"):
            if getattr(self, name) < 1:
                raise InvalidInputError(f"{name} must be at least 1, got {getattr(self, name)}")
        for name in ("near", "margin"):
            if getattr(self, name) < 0:
                raise InvalidInputError(f"{name} must not be negative, got {getattr(self, name)}")
