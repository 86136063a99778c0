"""The best partial assignment: every latent may stay without a partner, at a price.

A pair counts with its similarity less the price, a latent without a partner with nothing. What is
maximised is the sum of (similarity - price) over the pairs, one to one: the threshold is inside the
optimum, not laid over an assignment that had to give everybody somebody.

Two roads lead to the same optimum. Where few pairs exceed the price, only these can be chosen, and
the best choice among them is found directly (`exact.optional_partners`). Where many do,
similarities are clipped at the price from below and all are assigned: a choice M of pairs above the
price t extends to an assignment of the n latents of the smaller side, in which the others get
anybody; clipped, it has a total of at least n t + sum over M of (s - t). Conversely, of an
assignment with clipped total T, the pairs above t have sum of (s - t) equal to T - n t, since each
of the others counted as t. So the best of one is the best of the other. Potentials of the clipped
problem, less the price, bound the gains: they prove the partial optimum, too.

In the comparison of networks, assignment is the soft matching of Khosla and Williams 2023
(arXiv:2311.09466); that units may stay unmatched, at a price, is the partial form of Kapoor,
Williams and Khosla 2026 (arXiv:2602.19331).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import final

import numpy as np
import torch
from jaxtyping import Float64, Int64

from universality.compute.watch import Watch
from universality.matching.above import ROUNDING, PairsAbove, pairs_above
from universality.matching.assignment import assign
from universality.matching.candidates import Candidates, find_candidates
from universality.matching.exact.optional_partners import solve_unmatched
from universality.matching.foreign import checked
from universality.matching.result import TOLERANCE, Matching
from universality.matching.tiling import Tiling
from universality.shapes import ARRAY, ArrayLike, as_matrix
from universality.similarity import Clipped, Cosine, Similarity
from universality.validation import DEVICE, FLAG, SECONDS, Number, takes

PRICE = Number(-1, 1)
"""What staying without a partner may cost: similarities lie between -1 and 1."""


@final
@dataclass(frozen=True, eq=False)
class PartialMatching:
    """A one-to-one choice of pairs with the largest sum of (similarity - price), and its proof.

    Potentials are not negative and bound every gain, s_ij - price <= u_i + v_j, so no choice of
    pairs can exceed their sum.
    """

    price: float
    """What a pair must exceed to be worth it, in units of the similarity."""
    a: Int64[np.ndarray, " n_pairs"]
    """Latents of a that have a partner, ascending."""
    b: Int64[np.ndarray, " n_pairs"]
    """Partner of each in b."""
    similarity: Float64[np.ndarray, " n_pairs"]
    """Similarity of each pair, above the price."""
    gain: float
    """Sum of (similarity - price)."""
    upper_bound: float
    """No choice of pairs gains more; the sum of the potentials."""
    certified: bool
    """Whether the gap is at most 1e-9 per latent of the smaller side."""
    u: Float64[np.ndarray, " n_a"]
    """Potential of each latent of a."""
    v: Float64[np.ndarray, " n_b"]
    """Potential of each latent of b."""

    def __repr__(self) -> str:
        proven = "proven optimal" if self.certified else f"not proven, gap {self.gap:.2g}"
        mean = f"mean similarity {self.mean:.4f}, " if self.n_pairs else ""
        return (
            f"{self.n_pairs:,} pairs of {self.n_a:,} and {self.n_b:,} latents "
            f"at a price of {self.price:g}\n{mean}gain {self.gain:.2f}\n{proven}"
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
        """Number of pairs, at most min(n_a, n_b); 0 where no pair is worth the price."""
        return int(self.a.shape[0])

    @property
    def fraction(self) -> float:
        """Pairs as a share of the latents of the smaller side."""
        return self.n_pairs / min(self.n_a, self.n_b)

    @property
    def mean(self) -> float:
        """Mean similarity of the pairs; NaN where there are none."""
        return float(self.similarity.mean()) if self.n_pairs else float("nan")

    @property
    def gap(self) -> float:
        """How much more the best choice of pairs can gain at most."""
        return self.upper_bound - self.gain


@takes(
    a=ARRAY,
    b=ARRAY,
    price=PRICE,
    absolute=FLAG,
    device=DEVICE,
    time_limit=SECONDS,
    progress=FLAG,
)
def match_partially(
    a: ArrayLike,
    b: ArrayLike,
    price: float = 0.7,
    *,
    absolute: bool = False,
    device: torch.device | str | None = None,
    time_limit: float | None = None,
    progress: bool = True,
) -> PartialMatching:
    """The one-to-one pairs of rows of a and b with the largest sum of (cosine - price).

    Rows whose best partner is not worth the price stay without one; pairs at the price gain nothing
    and are left out. At a price of -1 it is the assignment of `match`; at 1 nothing is left. Looks
    at every pair about once, in bounded memory.

    Args:
        a: Rows of the first run, any floating dtype and scale; zero rows have cosine 0.
        b: Rows of the second run, of the same width.
        price: What a pair must exceed, a cosine in [-1, 1].
        absolute: Ignore the sign of the cosines.
        device: Where to compute; where `a` lies if None.
        time_limit: Seconds after which the best found so far is returned with its true gap.
        progress: Show a bar on stderr when that is a terminal.

    Raises:
        InvalidInputError: an argument does not fit, a matrix is malformed, the widths differ, or
            there is no such device.
    """
    rows_a, rows_b = as_matrix(a, "a"), as_matrix(b, "b")
    similarity = Cosine.between(rows_a, rows_b, absolute=absolute, device=device)
    (found,) = assign_partially(similarity, [price], time_limit=time_limit, progress=progress)
    return found


def assign_partially(
    similarity: Similarity,
    prices: Sequence[float],
    *,
    time_limit: float | None = None,
    progress: bool = True,
    tiling: Tiling | None = None,
) -> list[PartialMatching]:
    """The best partial assignment at each price, proven optimal.

    All prices together cost little more than one: pairs are listed once, from the lowest price at
    which they are few. Lower prices cost an assignment each.

    Args:
        similarity: Of the two runs, between -1 and 1.
        prices: What staying without a partner costs, in [-1, 1], in any order.
        time_limit: Seconds for each price after which the best so far is returned.
        progress: Show a bar on stderr when that is a terminal.
        tiling: How the work is cut.

    Raises:
        InvalidInputError: a similarity is NaN or infinite.
    """
    similarity = checked(similarity)
    above = pairs_above(similarity, prices, progress=progress, tiling=tiling)
    low = [price for price in prices if above is None or price < above.price]
    candidates = None
    if low:
        candidates = find_candidates(similarity, k=1, progress=progress, tiling=tiling)

    def solved(price: float) -> PartialMatching:
        if above is not None and price >= above.price:
            with Watch(time_limit=time_limit, progress=progress) as watch:
                return _among(above.above(price), watch)
        assert candidates is not None
        clipped = assign(
            Clipped(similarity, price),
            candidates=_clipped(candidates, price),
            time_limit=time_limit,
            progress=progress,
            tiling=tiling,
        )
        return _unclipped(clipped, similarity, price)

    return [solved(float(price)) for price in prices]


def _among(above: PairsAbove, watch: Watch) -> PartialMatching:
    partner, u, v = solve_unmatched(
        above.a, above.b, above.similarity - above.price, shape=above.shape, watch=watch
    )
    chosen = partner[above.a] == above.b
    return _partial(above.price, above.a[chosen], above.b[chosen], above.similarity[chosen], (u, v))


def _clipped(candidates: Candidates, price: float) -> Candidates:
    """The candidates of the clipped similarity; bounds below the price become the price itself."""
    listed, rounded = candidates.listed, np.float32(price)
    return replace(
        candidates,
        listed=replace(
            listed,
            value=np.maximum(listed.value, rounded),
            error=listed.error + abs(float(rounded) - price),
            rest_a=np.maximum(listed.rest_a, price),
            rest_b=np.maximum(listed.rest_b, price),
        ),
    )


def _unclipped(matching: Matching, similarity: Similarity, price: float) -> PartialMatching:
    """The pairs above the price, with potentials that bound (s - price) and are not negative.

    The least potential of the larger side (0 where that has latents without a partner) goes over to
    the smaller side with the price taken off: what is left is not negative on either, since clipped
    similarities are at least the price.
    """
    u, v = matching.u, matching.v
    if matching.n_a <= matching.n_b:
        u, v = u + v.min() - price, v - v.min()
    else:
        u, v = u - u.min(), v + u.min() - price
    kept = matching.similarity > price + ROUNDING
    potentials = np.maximum(u, 0.0), np.maximum(v, 0.0)
    return _partial(
        price, matching.a[kept], matching.b[kept], matching.similarity[kept], potentials
    )


def _partial(
    price: float,
    a: Int64[np.ndarray, " n_pairs"],
    b: Int64[np.ndarray, " n_pairs"],
    similarity: Float64[np.ndarray, " n_pairs"],
    potentials: tuple[Float64[np.ndarray, " n_a"], Float64[np.ndarray, " n_b"]],
) -> PartialMatching:
    u, v = potentials
    gain, upper_bound = float((similarity - price).sum()), float(u.sum() + v.sum())
    return PartialMatching(
        price=price,
        a=a,
        b=b,
        similarity=similarity,
        gain=gain,
        upper_bound=upper_bound,
        certified=upper_bound - gain <= TOLERANCE * min(len(u), len(v)),
        u=u,
        v=v,
    )
