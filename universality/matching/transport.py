"""Several partners at once: how a latent's mass spreads over the latents of another run.

All latents of a run have the same mass, and all of it goes over to the other run where it is most
alike: the plan with the largest sum of share x similarity + temperature x entropy. At temperature 0
it is the soft matching of Khosla and Williams 2023 (arXiv:2311.09466), for runs of equal size the
one-to-one assignment; entropy (Cuturi 2013, arXiv:1306.0895) lets a latent say how many partners it
has. That number, exp(H) of how its mass is spread, is 1 for a partner of its own and k for a latent
that k latents of the other run share evenly.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np
import torch
from jaxtyping import Float64, Int64
from scipy.special import logsumexp

from universality.compute.watch import Watch
from universality.matching.assignment import assign
from universality.matching.candidates import find_candidates
from universality.matching.exact.listed import ListedPairs, kth_closest
from universality.matching.foreign import checked
from universality.matching.result import Matching
from universality.matching.sinkhorn import PairsBySide, Scaling, scale_to_equal_masses, shares
from universality.shapes import ARRAY, ArrayLike, as_matrix
from universality.similarity import Cosine, Similarity
from universality.validation import DEVICE, FLAG, Number, takes

TEMPERATURE = Number(0, 1, above=True)
"""In units of the similarity."""

_TOLERANCE = 1e-3
_MOST_ITERATIONS = 2_000


@final
@dataclass(frozen=True, eq=False)
class Transport:
    """How equal masses of the latents of a go over to those of b, on the pairs that are close.

    share_ij = exp((similarity_ij - f_i - g_j) / temperature) for each of these pairs.
    """

    temperature: float
    """How much entropy is worth, in units of the similarity."""
    a: Int64[np.ndarray, " n_edges"]
    """Latent of a of each pair, ascending."""
    b: Int64[np.ndarray, " n_edges"]
    """Latent of b."""
    similarity: Float64[np.ndarray, " n_edges"]
    """How alike they are."""
    share: Float64[np.ndarray, " n_edges"]
    """Share of all mass that goes from one to the other; they sum to 1."""
    f: Float64[np.ndarray, " n_a"]
    """Potential of each latent of a."""
    g: Float64[np.ndarray, " n_b"]
    """Potential of each latent of b."""
    marginal_error: float
    """How much of all mass is not where it should be, at most 2."""
    left_out_at_most: float
    """Bound on the mass that pairs which were not considered would take at these potentials, as a
    multiple of all mass; above 1 it says nothing, and a lower temperature or more pairs help."""
    n_iterations: int
    """How often each side was given its masses."""

    def __repr__(self) -> str:
        of_a, of_b = (np.median(self.effective_partners(side)) for side in (0, 1))
        return (
            f"{self.f.size:,} and {self.g.size:,} latents at a temperature of "
            f"{self.temperature:g}, {self.a.size:,} pairs\n"
            f"mean similarity {self.mean:.4f}; effective partners {of_a:.2f} and {of_b:.2f} "
            f"(medians)\n"
            f"misplaced mass {self.marginal_error:.1g} after {self.n_iterations} iterations"
        )

    @property
    def mean(self) -> float:
        """Mean similarity under the plan: sum of share x similarity."""
        return float((self.share * self.similarity).sum())

    def effective_partners(self, side: int) -> Float64[np.ndarray, " n"]:
        """exp(H) of how the mass of each latent of a (side 0) or b (side 1) is spread."""
        latent = (self.a, self.b)[side]
        mass = np.bincount(latent, self.share)
        spread = self.share / mass[latent]
        entropy = np.bincount(latent, np.where(spread > 0, -spread * _log(spread), 0.0))
        return np.asarray(np.exp(np.maximum(entropy, 0.0)))

    def partner(self, side: int) -> Int64[np.ndarray, " n"]:
        """The latent of the other run to which most of the mass of each latent of a side goes."""
        latent, other = (self.a, self.b) if side == 0 else (self.b, self.a)
        order = np.lexsort((other, -self.share, latent))
        return np.asarray(other[order[np.flatnonzero(np.diff(latent[order], prepend=-1))]])


@takes(
    a=ARRAY,
    b=ARRAY,
    temperature=TEMPERATURE,
    width=Number(1, whole=True),
    absolute=FLAG,
    device=DEVICE,
    progress=FLAG,
)
def transport(
    a: ArrayLike,
    b: ArrayLike,
    temperature: float = 0.02,
    *,
    width: int = 64,
    absolute: bool = False,
    device: torch.device | str | None = None,
    progress: bool = True,
) -> Transport:
    """How the mass of rows of a goes over to rows of b where they are alike, softly.

    On the graph of candidates: of each row of either side the nearest, the pairs of the one-to-one
    assignment, and what is needed so that equal masses can go over at all. Costs a `match` and up
    to 2,000 passes over these pairs; stops when a thousandth of all mass is misplaced.

    Args:
        a: Rows of the first run, any floating dtype and scale; zero rows have cosine 0.
        b: Rows of the second run, of the same width.
        temperature: How much entropy is worth, in (0, 1]; towards 0 it is the hard assignment.
        width: How many of the nearest of each row are considered, at most about 64.
        absolute: Ignore the sign of the cosines.
        device: Where to compute; where `a` lies if None.
        progress: Show a bar on stderr when that is a terminal.

    Raises:
        InvalidInputError: an argument does not fit, a matrix is malformed, the widths differ, or
            there is no such device.
    """
    rows_a, rows_b = as_matrix(a, "a"), as_matrix(b, "b")
    similarity = Cosine.between(rows_a, rows_b, absolute=absolute, device=device)
    return transport_between(similarity, temperature, width=width, progress=progress)


def transport_between(
    similarity: Similarity, temperature: float, *, width: int = 64, progress: bool = True
) -> Transport:
    """As `transport`, of any similarity between -1 and 1.

    Raises:
        InvalidInputError: a similarity is NaN or infinite.
    """
    similarity = checked(similarity)
    candidates = find_candidates(similarity, k=1, progress=progress)
    matching = assign(similarity, candidates=candidates, progress=progress)
    listed = candidates.listed
    kept = _closest(listed, similarity.shape, width)
    pairs = _graph(similarity, listed, kept, matching)
    with Watch(progress=progress) as watch:
        found = scale_to_equal_masses(
            pairs, temperature, matching.v, tolerance=_TOLERANCE, most=_MOST_ITERATIONS, watch=watch
        )
    return Transport(
        temperature=temperature,
        a=pairs.a,
        b=pairs.b,
        similarity=pairs.similarity,
        share=shares(pairs, found.f, found.g, temperature),
        f=found.f,
        g=found.g,
        marginal_error=found.marginal_error,
        left_out_at_most=_left_out(listed, kept, found, temperature),
        n_iterations=found.n_iterations,
    )


def _closest(listed: ListedPairs, shape: tuple[int, int], width: int) -> np.ndarray:
    n_a, n_b = shape
    close_a = kth_closest(listed.a, listed.value, n_a, width)
    close_b = kth_closest(listed.b, listed.value, n_b, width)
    return np.asarray((listed.value >= close_a[listed.a]) | (listed.value >= close_b[listed.b]))


def _graph(
    similarity: Similarity, listed: ListedPairs, kept: np.ndarray, matching: Matching
) -> PairsBySide:
    n_b = similarity.shape[1]
    stair_a, stair_b = _staircase(matching)
    a = np.concatenate([listed.a[kept], matching.a, stair_a])
    b = np.concatenate([listed.b[kept], matching.b, stair_b])
    key = np.unique(a * n_b + b)
    i, j = (torch.from_numpy(side).to(similarity.device) for side in (key // n_b, key % n_b))
    return PairsBySide(key // n_b, key % n_b, similarity.at(i, j).cpu().numpy())


def _staircase(
    matching: Matching,
) -> tuple[Int64[np.ndarray, " n_steps"], Int64[np.ndarray, " n_steps"]]:
    """Pairs on which equal masses can go over, whatever the sizes: both sides laid along one line.

    Assigned latents lie at the same place, those without a partner evenly between; a latent is
    paired with all that its stretch of the line overlaps.
    """
    place_a, place_b = _places(matching)
    order_a, order_b = np.argsort(place_a, kind="stable"), np.argsort(place_b, kind="stable")
    n_a, n_b = matching.n_a, matching.n_b
    begins = np.unique(np.concatenate([np.arange(n_a) * n_b, np.arange(n_b) * n_a]))
    return order_a[begins // n_b], order_b[begins // n_a]


def _places(
    matching: Matching,
) -> tuple[Float64[np.ndarray, " n_a"], Float64[np.ndarray, " n_b"]]:
    places = []
    for n, own in ((matching.n_a, matching.a), (matching.n_b, matching.b)):
        place = np.full(n, np.nan)
        place[own] = (np.arange(len(own)) + 0.5) / len(own)
        alone = np.flatnonzero(np.isnan(place))
        place[alone] = (np.arange(len(alone)) + 0.5) / max(1, len(alone))
        places.append(place)
    return places[0], places[1]


def _left_out(listed: ListedPairs, kept: np.ndarray, found: Scaling, temperature: float) -> float:
    """Bound on the mass of all pairs but the listed ones that were kept."""
    bounds = []
    for latent, rest, own, others in (
        (listed.a, listed.rest_a, found.f, found.g),
        (listed.b, listed.rest_b, found.g, found.f),
    ):
        highest = rest.copy()
        np.maximum.at(highest, latent[~kept], listed.value[~kept] + listed.error)
        alone = np.bincount(latent[kept], minlength=rest.size) == others.size
        highest[alone] = -np.inf
        bounds.append(logsumexp((highest - own) / temperature) + logsumexp(-others / temperature))
    return float(np.exp(min(min(bounds), 700.0)))


def _log(spread: Float64[np.ndarray, " n_edges"]) -> Float64[np.ndarray, " n_edges"]:
    return np.asarray(np.log(np.where(spread > 0, spread, 1.0)))
