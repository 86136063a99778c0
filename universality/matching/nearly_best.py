"""An assignment within a proven distance of the best, on a matrix that is held whole.

What null draws need: their mean is printed to four digits, so a proof to the ninth is work that
nobody sees. Pairs are looked at by the closest few of every latent; then each latent is priced
against all others, and those that the potentials do not cover join, until the gap is small enough.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np
import torch
from jaxtyping import Float, Float64, Int64
from torch import Tensor

from universality.compute.watch import Watch
from universality.matching.exact.graph import unmatched
from universality.matching.exact.restricted import solve_restricted
from universality.matching.exact.solution import Solution
from universality.matching.neighbours import Neighbours
from universality.matching.result import TOLERANCE, Matching

LISTED = 16
"""With how many of the closest of each latent the search begins."""

_JOINING = 8


@final
@dataclass(frozen=True, eq=False)
class ClosestFew:
    """The closest 16 of every latent, the closest first, in a matrix that is held whole."""

    of_a: Neighbours
    """For each latent of a, those of b."""
    of_b: Neighbours
    """For each latent of b, those of a."""


def closest_few(values: Float[Tensor, "n_a n_b"], k: int = LISTED) -> ClosestFew:
    """The closest of every latent both ways; of equal ones any, and all where there are fewer."""
    return ClosestFew(*(_top(side, k) for side in (values, values.T.contiguous())))


def assign_nearly(values: Float[Tensor, "n_a n_b"], near: ClosestFew, *, gap: float) -> Matching:
    """An assignment whose mean similarity is within `gap` of the best one's, with the proof.

    The bound and the similarities are exact for the matrix as given, to the rounding of float32.
    About a third of the time of `assign` at 2,304 latents.

    Args:
        values: All similarities; finite, about between -1 and 1.
        near: The closest few of every latent, on which the search begins.
        gap: By how much the mean may fall short; far above the rounding of the values.
    """
    n_a, n_b = values.shape
    if n_a > n_b:
        turned = ClosestFew(near.of_b, near.of_a)
        return _swapped(assign_nearly(values.T.contiguous(), turned, gap=gap))
    keys = torch.from_numpy(_listed(near)).to(values.device)
    solution: Solution | None = None
    while True:
        a, b = (keys // n_b).cpu().numpy(), (keys % n_b).cpu().numpy()
        weight = values.reshape(-1)[keys].double().cpu().numpy()
        with Watch(progress=False) as watch:
            solution = solve_restricted(
                a, b, weight, before=solution, shape=(n_a, n_b), watch=watch
            )
        reduced = values - torch.from_numpy(solution.v).to(values)
        found = _matching(values, solution, reduced.amax(dim=1))
        if found.gap <= gap * n_a:
            return found
        keys = torch.unique(torch.cat([keys, _joining(reduced, solution, gap / 2)]))


def _top(values: Float[Tensor, "n m"], k: int) -> Neighbours:
    top = values.topk(min(k, values.shape[1]), dim=1)
    return Neighbours(top.indices.cpu().numpy(), top.values.double().cpu().numpy())


def _listed(near: ClosestFew) -> Int64[np.ndarray, " n_pairs"]:
    """The closest of every latent, and pairs with which all of a can be assigned."""
    n_a, n_b = len(near.of_a.index), len(near.of_b.index)
    of_a = np.arange(n_a)[:, None] * n_b + near.of_a.index
    of_b = near.of_b.index * n_b + np.arange(n_b)[:, None]
    keys = np.unique(np.concatenate([of_a.reshape(-1), of_b.reshape(-1)]))
    rows, columns = unmatched(n_b, keys // n_b, keys % n_b)
    left = np.flatnonzero(rows[:n_a])
    others = np.flatnonzero(columns)[: left.size]
    return np.unique(np.concatenate([keys, left * n_b + others]))


def _joining(
    reduced: Float[Tensor, "n_a n_b"], solution: Solution, slack: float
) -> Int64[Tensor, " n_pairs"]:
    """The pairs that exceed the potentials by more than `slack`, the first few of each latent."""
    floor = torch.from_numpy(solution.u).to(reduced) + slack
    rows = (reduced.amax(dim=1) > floor).nonzero()[:, 0]
    top = reduced[rows].topk(min(_JOINING, reduced.shape[1]), dim=1)
    row, place = (top.values > floor[rows][:, None]).nonzero(as_tuple=True)
    pairs: Int64[Tensor, " n_pairs"] = rows[row] * reduced.shape[1] + top.indices[row, place]
    return pairs


def _matching(
    values: Float[Tensor, "n_a n_b"], solution: Solution, highest: Float[Tensor, " n_a"]
) -> Matching:
    """The assignment with potentials that bound every pair; `highest` is what each of a needs."""
    a, b = np.arange(values.shape[0]), solution.partner
    similarity = values[torch.from_numpy(a), torch.from_numpy(b)].double().cpu().numpy()
    u = highest.double().cpu().numpy()
    total, bound = float(similarity.sum()), float(u.sum() + solution.v.sum())
    return Matching(
        a=a,
        b=b,
        similarity=similarity,
        total=total,
        upper_bound=bound,
        certified=bound - total <= TOLERANCE * a.size,
        rounds=solution.rounds,
        u=u,
        v=solution.v,
    )


def _swapped(found: Matching) -> Matching:
    order: Int64[np.ndarray, " n_pairs"] = np.argsort(found.b)
    similarity: Float64[np.ndarray, " n_pairs"] = found.similarity[order]
    return Matching(
        a=found.b[order],
        b=found.a[order],
        similarity=similarity,
        total=found.total,
        upper_bound=found.upper_bound,
        certified=found.certified,
        rounds=found.rounds,
        u=found.v,
        v=found.u,
    )
