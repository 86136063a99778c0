"""Do the latents of two runs that have no counterpart span the same directions all the same?

Two references stand beside the energy of one remainder inside the other's leading span.

*Chance*: one remainder turned by a uniformly random rotation. It keeps all that is said within each
remainder, how its energy falls from axis to axis above all, and loses only how one lies to the
other. Where two remainders are independent and either has no preferred direction, the p-value is
exact. (The `geometry` null, which keeps a mean and a covariance, is no reference here: the leading
span *is* the covariance, a map that keeps it keeps the span, and a planted subspace that both
remainders fill is never found: `analysis.subspace_power`.) A mean or a spectrum that the model
gives to every dictionary is above chance, too, which is why it does not stand alone.

*The run at large*: as many of the assigned pairs, matched or not, both ends of each. Above it, the
remainder agrees more than latents of these runs do in general; it is a contrast without a p-value.
Pairs are kept whole: independent subsets would lose what pairs share. Where more than nine tenths
of the pairs are left unmatched, a subset is the remainder over again, and there is no contrast.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
import torch
from jaxtyping import Float, Float64, Int64
from torch import Tensor

from universality.errors import InvalidInputError
from universality.geometry.subspaces import Span, energy_inside, span_of
from universality.nulls.rotation import haar

_MOST_UNMATCHED = 0.9


@final
@dataclass(frozen=True, eq=False)
class SpanAgreement:
    """Energy of each remainder in the leading span of the other, by rank, beside two references."""

    d: int
    """Dimensions of the space."""
    ranks: Int64[np.ndarray, " n_ranks"]
    """Dimensions of the leading spans."""
    a_in_b: Float64[np.ndarray, " n_ranks"]
    """Share of the energy of a's remainder in the span of b's."""
    b_in_a: Float64[np.ndarray, " n_ranks"]
    """The other way."""
    chance_sd: Float64[np.ndarray, " n_ranks"]
    """Standard deviation of the energy over random rotations, whose mean is r / d."""
    p: Float64[np.ndarray, " n_ranks"]
    """(1 + rotations with as much energy) / (1 + rotations), for each rank by itself."""
    at_large: Float64[np.ndarray, " n_ranks"] | None
    """Mean energy of as many assigned pairs; None above 90 % unmatched."""
    at_large_sd: Float64[np.ndarray, " n_ranks"] | None
    """Standard deviation over the subsets."""

    @property
    def energy(self) -> Float64[np.ndarray, " n_ranks"]:
        """Mean of both ways."""
        return np.asarray((self.a_in_b + self.b_in_a) / 2)

    @property
    def chance(self) -> Float64[np.ndarray, " n_ranks"]:
        """What a random rotation gives in the mean, r / d."""
        return np.asarray(self.ranks / self.d)


def span_agreement(
    a: Float[Tensor, "n_a d"],
    b: Float[Tensor, "n_b d"],
    pairs: tuple[Int64[np.ndarray, " n_pairs"], Int64[np.ndarray, " n_pairs"]],
    left: tuple[Int64[np.ndarray, " left_a"], Int64[np.ndarray, " left_b"]],
    *,
    generator: torch.Generator,
    ranks: Sequence[int] | None = None,
    n_draws: int = 39,
    n_subsets: int = 8,
) -> SpanAgreement:
    """How much of each remainder lies in the leading span of the other.

    One eigendecomposition for each remainder and for each end of each subset, one QR factorisation
    for each rotation: O(d^3) each.

    Args:
        a: Directions of one run.
        b: Directions of the other.
        pairs: The assigned pairs, matched or not: rows of a, and their partners in b.
        left: Which rows of each run have no counterpart.
        generator: Source of chance.
        ranks: Dimensions to look at; those of `ranks_for` if not given.
        n_draws: Random rotations; no p-value is below 1 / (1 + n_draws).
        n_subsets: Subsets of pairs.

    Raises:
        InvalidInputError: a rank is below 1, or above d or the number of rows that are left.
    """
    d, smaller = a.shape[1], min(len(rows) for rows in left)
    looked_at = list(ranks_for(d, smaller) if ranks is None else ranks)
    if not looked_at or not all(1 <= r <= min(d, smaller) for r in looked_at):
        raise InvalidInputError(
            f"leading spans of {looked_at} dimensions: ranks must lie in 1 ... {min(d, smaller)}, "
            f"for d={d} and {smaller} latents left of the run that has fewer"
        )
    at = np.asarray(looked_at) - 1
    spans = span_of(a[_index(left[0])]), span_of(b[_index(left[1])])
    a_in_b, b_in_a = (values[at] for values in _as_numpy(energy_inside(*spans)))
    chance = _by_rotation(*spans, n_draws, generator)[:, at]
    reached = (chance >= (a_in_b + b_in_a) / 2).sum(axis=0)
    large = _at_large(a, b, pairs, left, n_subsets, generator)
    return SpanAgreement(
        d=d,
        ranks=at + 1,
        a_in_b=a_in_b,
        b_in_a=b_in_a,
        chance_sd=chance.std(axis=0, ddof=1),
        p=(1 + reached) / (1 + n_draws),
        at_large=None if large is None else large[:, at].mean(axis=0),
        at_large_sd=None if large is None else large[:, at].std(axis=0, ddof=1),
    )


def ranks_for(d: int, n_left: int) -> tuple[int, ...]:
    """The powers of two from d/64 to d/2 that the smaller remainder has rows for."""
    powers = [2**k for k in range(d.bit_length())]
    return tuple(r for r in powers if d <= 64 * r and 2 * r <= d and r <= n_left)


def _by_rotation(a: Span, b: Span, n_draws: int, generator: torch.Generator) -> np.ndarray:
    """Energy by draw and rank; the cosines of axes turned uniformly are a uniform map themselves.

    That is why no product is needed, and the axes themselves do not enter.
    """
    return np.stack(
        [
            sum(_as_numpy(energy_inside(a, b, cosines=haar(a.d, generator=generator).to(a.axes))))
            for _ in range(n_draws)
        ]
    ) / len((a, b))


def _at_large(
    a: Tensor,
    b: Tensor,
    pairs: tuple[np.ndarray, np.ndarray],
    left: tuple[np.ndarray, np.ndarray],
    n_subsets: int,
    generator: torch.Generator,
) -> np.ndarray | None:
    n_pairs, sizes = len(pairs[0]), [len(rows) for rows in left]
    if max(sizes) > _MOST_UNMATCHED * n_pairs:
        return None
    found = []
    for _ in range(n_subsets):
        some = torch.randperm(n_pairs, generator=generator).numpy()
        ends = [rows[some[:size]] for rows, size in zip(pairs, sizes, strict=True)]
        spans = span_of(a[_index(ends[0])]), span_of(b[_index(ends[1])])
        found.append(sum(_as_numpy(energy_inside(*spans))) / 2)
    return np.stack(found)


def _as_numpy(both: tuple[Tensor, Tensor]) -> tuple[np.ndarray, np.ndarray]:
    return both[0].cpu().numpy(), both[1].cpu().numpy()


def _index(rows: np.ndarray) -> Tensor:
    return torch.from_numpy(rows)
