"""What an assignment is: pairs, their similarity, and the potentials that prove them best."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np
from jaxtyping import Float64, Int64

TOLERANCE = 1e-9
"""Gap per pair below which an assignment of similarities up to 1 counts as proven optimal."""


@final
@dataclass(frozen=True, eq=False)
class Matching:
    """A one-to-one assignment of the latents of a to those of b, with its certificate.

    Every latent of the smaller side has a partner. The potentials bound every similarity,
    s_ij <= u_i + v_j, so no assignment can exceed the sum of all potentials; potentials of the
    larger side are never negative, and zero where a latent has no partner.
    """

    a: Int64[np.ndarray, " n_pairs"]
    """Latents of a, ascending."""
    b: Int64[np.ndarray, " n_pairs"]
    """Partner of each in b."""
    similarity: Float64[np.ndarray, " n_pairs"]
    """Similarity of each pair."""
    total: float
    """Sum of the similarities."""
    upper_bound: float
    """No assignment has a larger total; the sum of the potentials."""
    certified: bool
    """Whether the gap is at most 1e-9 per pair, relative to the largest similarity where that is
    not a cosine or a correlation, with every other pair ruled out rigorously."""
    rounds: int
    """How often all pairs were priced before none was left in violation."""
    u: Float64[np.ndarray, " n_a"]
    """Potential of each latent of a."""
    v: Float64[np.ndarray, " n_b"]
    """Potential of each latent of b."""

    def __repr__(self) -> str:
        proven = "proven optimal" if self.certified else f"not proven, gap {self.gap:.2g}"
        return (
            f"{self.n_pairs:,} pairs of {self.n_a:,} and {self.n_b:,} latents\n"
            f"mean similarity {self.mean:.4f}, total {self.total:.2f}\n"
            f"{proven} in {self.rounds} round{'' if self.rounds == 1 else 's'}"
        )

    @property
    def n_a(self) -> int:
        """Latents of a, with or without partner."""
        return int(self.u.shape[0])

    @property
    def n_b(self) -> int:
        """Latents of b, with or without partner."""
        return int(self.v.shape[0])

    @property
    def n_pairs(self) -> int:
        """Number of pairs, min(n_a, n_b)."""
        return int(self.a.shape[0])

    @property
    def mean(self) -> float:
        """Mean similarity of the pairs."""
        return self.total / self.n_pairs

    @property
    def gap(self) -> float:
        """How much larger the total of the best assignment can be at most."""
        return self.upper_bound - self.total

    @property
    def partner_of_a(self) -> Int64[np.ndarray, " n_a"]:
        """Partner in b of every latent of a; -1 for none."""
        return _scatter(self.n_a, self.a, self.b)

    @property
    def partner_of_b(self) -> Int64[np.ndarray, " n_b"]:
        """Partner in a of every latent of b; -1 for none."""
        return _scatter(self.n_b, self.b, self.a)


def _scatter(
    n: int, keys: Int64[np.ndarray, " n_pairs"], values: Int64[np.ndarray, " n_pairs"]
) -> Int64[np.ndarray, " n"]:
    partners = np.full(n, -1, dtype=np.int64)
    partners[keys] = values
    return partners
