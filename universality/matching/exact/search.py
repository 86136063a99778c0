"""The search for the best assignment: solve on few pairs, price all others, until none is left."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float64, Int64

from universality.compute.watch import Watch
from universality.matching.exact.listed import ListedPairs
from universality.matching.exact.pool import Pool
from universality.matching.exact.pricing import in_doubt, price_rest
from universality.matching.exact.restricted import solve_restricted
from universality.matching.exact.solution import Solution
from universality.matching.tiling import Tiling
from universality.similarity import Similarity

_TOLERANCE = 1e-10
_ROUGH = 0.005


def search(
    similarity: Similarity, listed: ListedPairs, *, tiling: Tiling, watch: Watch
) -> Solution:
    """The best assignment over all pairs, or when time runs out a good one with a true bound."""
    pool = Pool(similarity, listed, restricted=tiling.restricted)
    solution: Solution | None = None
    rounds = violations = 0
    while True:
        rounds += 1
        solution = solve_restricted(
            *pool.chosen,
            before=solution,
            rough=violations > _ROUGH * similarity.shape[0],
            shape=similarity.shape,
            watch=watch,
        )
        if watch.expired:
            return _unfinished(pool, solution, rounds)
        while not (violations := pool.price(solution, tolerance=_TOLERANCE, near=tiling.near)):
            if not price_rest(pool, solution, tiling=tiling, tolerance=_TOLERANCE, watch=watch):
                return _finished(pool, solution, rounds, tiling)
        if watch.shown:
            gap = f"{_excess(pool, solution).sum():.2g}"
            watch.report("assigning", round=rounds, violations=violations, gap=gap)


def _finished(pool: Pool, solution: Solution, rounds: int, tiling: Tiling) -> Solution:
    u = solution.u + pool.excess_of_rows(solution)
    u[in_doubt(pool, solution, tiling=tiling, slack=0.0)] += 2 * _TOLERANCE
    return Solution(solution.partner, u, solution.v, rounds)


def _excess(pool: Pool, solution: Solution) -> Float64[np.ndarray, " n_a"]:
    """By how much any pair of each latent of a can exceed its potentials, coarsely; at least 0."""
    return np.asarray(np.maximum(pool.excess_of_rows(solution), pool.bound_of_rows(solution)))


def _unfinished(pool: Pool, solution: Solution, rounds: int) -> Solution:
    u = solution.u + _excess(pool, solution)
    whole = [
        complete(start, pool.a, pool.b, value=pool.upper, n_b=len(solution.v))
        for start in (solution.partner, np.full_like(solution.partner, -1))
    ]
    return Solution(max(whole, key=pool.total), u, solution.v, rounds)


def complete(
    partner: Int64[np.ndarray, " n_a"],
    a: Int64[np.ndarray, " n_pairs"],
    b: Int64[np.ndarray, " n_pairs"],
    *,
    value: Float64[np.ndarray, " n_pairs"],
    n_b: int,
) -> Int64[np.ndarray, " n_a"]:
    """The partial assignment (-1: none yet) with a partner for all of a; n_a <= n_b.

    The closest listed pair of two latents that are both free comes first, and so on; what no
    listed pair reaches gets any latent of b that is left.
    """
    partner = partner.copy()
    order = np.argsort(-value, kind="stable")
    a, b = a[order], b[order]
    taken = np.zeros(n_b, dtype=bool)
    taken[partner[partner >= 0]] = True
    while True:
        still = (partner[a] < 0) & ~taken[b]
        a, b = a[still], b[still]
        if not len(a):
            break
        closest = (_first(a, len(partner)) == np.arange(len(a))) & (
            _first(b, n_b) == np.arange(len(b))
        )
        partner[a[closest]] = b[closest]
        taken[b[closest]] = True
    left = np.flatnonzero(partner < 0)
    partner[left] = np.flatnonzero(~taken)[: len(left)]
    return partner


def _first(latent: Int64[np.ndarray, " n_pairs"], n: int) -> Int64[np.ndarray, " n_pairs"]:
    """For each pair, the position of the first pair of its latent."""
    first = np.zeros(n, dtype=np.int64)
    first[latent[::-1]] = np.arange(len(latent))[::-1]
    return np.asarray(first[latent])
