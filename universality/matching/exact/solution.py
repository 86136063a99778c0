"""What the solver finds: partners, and the potentials that prove how good they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np
from jaxtyping import Float64, Int64


@final
@dataclass(frozen=True, eq=False)
class Solution:
    """An assignment of all of a, with potentials; n_a is at most n_b.

    Of a restricted problem, over the pairs listed so far; of the whole, over every pair.
    """

    partner: Int64[np.ndarray, " n_a"]
    """Partner in b of each latent of a; -1 where time ran out."""
    u: Float64[np.ndarray, " n_a"]
    """Potential of each latent of a; with v, no pair is closer than both together."""
    v: Float64[np.ndarray, " n_b"]
    """Potential of each latent of b; if n_a < n_b not negative, and 0 without a partner."""
    rounds: int = 1
    """How many restricted problems were solved."""
