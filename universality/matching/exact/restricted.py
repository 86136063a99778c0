"""The best assignment among the pairs known so far, square or not, with potentials."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float64, Int64

from universality.compute.watch import Watch
from universality.matching.exact.auction import auction
from universality.matching.exact.graph import Graph, solve
from universality.matching.exact.solution import Solution


def solve_restricted(
    a: Int64[np.ndarray, " n_edges"],
    b: Int64[np.ndarray, " n_edges"],
    similarity: Float64[np.ndarray, " n_edges"],
    *,
    before: Solution | None,
    rough: bool = False,
    shape: tuple[int, int],
    watch: Watch,
) -> Solution:
    """The assignment with the largest total among distinct pairs, some of which cover all of a.

    Potentials satisfy s <= u + v on every pair, with equality where it is assigned. `before`, the
    solution on fewer pairs, makes it quick; when it is `rough`, an auction goes over it first.
    """
    n_a, n_b = shape
    graph = (
        Graph.of_edges(n_a, a, b, similarity) if n_a == n_b else _double(a, b, similarity, shape)
    )
    prices = None
    if before is not None:
        prices = before.v if n_a == n_b else np.concatenate([before.v, before.u])
    if prices is None or rough:
        prices = auction(graph, prices, watch)
    matched, prices = solve(graph, prices, watch)
    values = np.maximum.reduceat(graph.weight - prices[graph.column], graph.start[:-1])
    if n_a == n_b:
        return Solution(matched, values, prices)
    u = (values[:n_a] + prices[n_b:]) / 2
    return Solution(matched[:n_a], u, np.maximum((prices[:n_b] + values[n_a:]) / 2, 0.0))


def _double(
    a: Int64[np.ndarray, " n_edges"],
    b: Int64[np.ndarray, " n_edges"],
    similarity: Float64[np.ndarray, " n_edges"],
    shape: tuple[int, int],
) -> Graph:
    """A square problem on n_a + n_b rows and columns whose optimum is twice the rectangular one.

    The pairs and their mirror image, joined by pairs of weight 0 of each latent of b with its own
    image: a latent of b without partner takes its image. The mean of potentials and mirrored
    potentials is then non-negative on b, and zero where there is no partner.
    """
    n_a, n_b = shape
    own = np.arange(n_b)
    return Graph.of_edges(
        n_a + n_b,
        np.concatenate([a, n_a + own, n_a + b]),
        np.concatenate([b, own, n_b + a]),
        np.concatenate([similarity, np.zeros(n_b), similarity]),
    )
