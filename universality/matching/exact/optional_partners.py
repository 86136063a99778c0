"""The best partial assignment among listed pairs, where staying without a partner costs nothing."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float64, Int64

from universality.compute.watch import Watch
from universality.matching.exact.auction import auction
from universality.matching.exact.graph import Graph, solve


def solve_unmatched(
    a: Int64[np.ndarray, " n_edges"],
    b: Int64[np.ndarray, " n_edges"],
    gain: Float64[np.ndarray, " n_edges"],
    *,
    shape: tuple[int, int],
    watch: Watch,
) -> tuple[Int64[np.ndarray, " n_a"], Float64[np.ndarray, " n_a"], Float64[np.ndarray, " n_b"]]:
    """Partner of each latent of a in the one-to-one choice of pairs with the largest total gain.

    -1 for none. Returned with it are potentials u, v >= 0 with gain <= u + v on every pair, whose
    sum is the total.

    The pairs and their mirror image form a square problem on n_a + n_b rows and columns, joined by
    pairs of weight 0 of each latent with its own image: a latent without a partner takes its image.
    Any perfect matching is two choices of pairs, one in each half, so the best has twice the best
    total. The mean of the potentials of a latent and of its image is not negative, by the pair of
    weight 0 between them.
    """
    n_a, n_b = shape
    own_a, own_b = np.arange(n_a), np.arange(n_b)
    graph = Graph.of_edges(
        n_a + n_b,
        np.concatenate([a, own_a, n_a + own_b, n_a + b]),
        np.concatenate([b, n_b + own_a, own_b, n_b + a]),
        np.concatenate([gain, np.zeros(n_a + n_b), gain]),
    )
    matched, prices = solve(graph, auction(graph, None, watch), watch)
    values = np.maximum.reduceat(graph.weight - prices[graph.column], graph.start[:-1])
    u = np.maximum((values[:n_a] + prices[n_b:]) / 2, 0.0)
    v = np.maximum((values[n_a:] + prices[:n_b]) / 2, 0.0)
    partner = matched[:n_a]
    return np.where(partner < n_b, partner, -1), u, v
