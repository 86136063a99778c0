"""Pairs of runs that share nothing, seen in the views of a comparison: for statistics of one's own.

What is measured on the similarities of two runs is measured on these by the same function.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import final

import numpy as np
import torch

from universality.codes import Codes, rearrange_tokens
from universality.nulls.null import find_null
from universality.nulls.tokens import permute_windows
from universality.runs.matched import MatchedPair
from universality.runs.policy import Policy
from universality.runs.views import ACTIVATIONS, RowsByView, Similarities, Traits

TOKENS = "tokens"
"""Name of the null of the activations view."""


def null_behind(view: str, policy: Policy) -> str:
    """The null that stands beside a view: the policy's first, or that of tokens."""
    return TOKENS if view == ACTIVATIONS else policy.nulls[0]


@final
class DrawnPairs:
    """As many pairs of unrelated runs as the policy draws, each at full width.

    Directions are drawn by the policy's first null, each view by itself; codes by the tokens null.
    """

    def __init__(self, pair: MatchedPair, policy: Policy) -> None:
        self._pair, self._policy = pair, policy

    def __len__(self) -> int:
        return self._policy.n_draws

    def __iter__(self) -> Iterator[Similarities]:
        for seed in np.random.SeedSequence(self._policy.seed).generate_state(len(self)).tolist():
            generator = torch.Generator().manual_seed(seed)
            directions, codes = self._directions(generator), self._codes(generator)
            a, b = (Traits(rows, one) for rows, one in zip(directions, codes, strict=True))
            yield Similarities(self._pair.runs.views, a, b)

    def _directions(self, generator: torch.Generator) -> tuple[RowsByView, RowsByView]:
        a, b = (part.directions for part in self._pair.runs.parts)
        if not a:
            return a, b
        return find_null(self._policy.nulls[0]).draw_each_view(a, b, generator=generator)

    def _codes(self, generator: torch.Generator) -> tuple[Codes | None, Codes | None]:
        runs, (a, b) = self._pair.runs, (part.codes for part in self._pair.runs.parts)
        if not runs.compares_firing or a is None or b is None or runs.table is None:
            return None, None
        places = permute_windows(runs.table.documents, generator=generator)
        return rearrange_tokens(a, places[0]), rearrange_tokens(b, places[1])
