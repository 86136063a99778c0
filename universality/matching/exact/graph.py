"""A square assignment problem on few pairs, solved exactly with its prices.

An auction without increments brings nearly every row to a column; shortest augmenting paths, grown
from all rows that are left at once, do the rest and leave exact prices behind.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np
from jaxtyping import Bool, Float64, Int64
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra, maximum_bipartite_matching

from universality.compute.watch import Watch

_TIGHT = 1e-13
_FIRST_REACH = 1e-3


@final
@dataclass(frozen=True, eq=False)
class Graph:
    """Weighted pairs of n rows with n columns, by row; every row has at least one."""

    start: Int64[np.ndarray, " n_plus_1"]
    """Where the pairs of each row begin."""
    row: Int64[np.ndarray, " n_edges"]
    """Row of each pair, ascending."""
    column: Int64[np.ndarray, " n_edges"]
    """Column of each pair, ascending within a row."""
    weight: Float64[np.ndarray, " n_edges"]
    """What the pair adds to the total."""

    @property
    def n(self) -> int:
        """Number of rows, and of columns."""
        return int(self.start.shape[0]) - 1

    @classmethod
    def of_edges(
        cls,
        n: int,
        row: Int64[np.ndarray, " n_edges"],
        column: Int64[np.ndarray, " n_edges"],
        weight: Float64[np.ndarray, " n_edges"],
    ) -> Graph:
        """The graph of distinct pairs in any order."""
        order = np.argsort(row * n + column)
        start = np.concatenate([[0], np.cumsum(np.bincount(row, minlength=n))])
        return cls(start, row[order], column[order], weight[order])


def solve(
    graph: Graph, prices: Float64[np.ndarray, " n"], watch: Watch
) -> tuple[Int64[np.ndarray, " n"], Float64[np.ndarray, " n"]]:
    """Column of each row in a heaviest perfect matching, and prices of the columns that prove it.

    With u_i = max_j (w_ij - price_j), every pair of the matching is tight: w_ij = u_i + price_j.
    Prices that are nearly right make it quick. When the watch's time is over, rows may remain
    without a column (-1); what is matched is tight all the same.

    A perfect matching must exist.
    """
    reach = _FIRST_REACH
    while True:
        slack = _slack(graph, prices)
        tight = slack <= _TIGHT
        matched = maximum_bipartite_matching(
            _sparse(graph.n, graph.row[tight], graph.column[tight]), perm_type="column"
        ).astype(np.int64)
        if watch.expired or (matched >= 0).all():
            return matched, prices
        watch.report("augmenting paths", unassigned=int((matched < 0).sum()))
        distance, farthest = _distances(graph, np.where(tight, 0.0, slack), matched, reach)
        prices = prices + farthest - np.minimum(distance, farthest)
        reach = 2 * farthest + _TIGHT


def _slack(graph: Graph, prices: Float64[np.ndarray, " n"]) -> Float64[np.ndarray, " n_edges"]:
    value = graph.weight - prices[graph.column]
    best = np.maximum.reduceat(value, graph.start[:-1])
    return np.asarray(best[graph.row] - value)


def _distances(
    graph: Graph,
    slack: Float64[np.ndarray, " n_edges"],
    matched: Int64[np.ndarray, " n"],
    reach: float,
) -> tuple[Float64[np.ndarray, " n"], float]:
    """Length of the shortest path from any unmatched row to each column, as far as it matters.

    Paths of one source form a tree; returned with the distances is that of the farthest among the
    free columns nearest in their tree. A matched column stands for its row, from which the path
    goes on; a free column is a node of its own, numbered after the rows.
    """
    n = graph.n
    node = np.arange(n, 2 * n)
    assigned = np.flatnonzero(matched >= 0)
    node[matched[assigned]] = assigned
    sources, free = np.flatnonzero(matched < 0), np.flatnonzero(node >= n)
    reached = free[:0]
    while not len(reached):
        near = np.flatnonzero(slack <= reach)  # no path within reach has a longer arc
        row, column = graph.row[near], graph.column[near]
        onward = matched[row] != column
        row = row[onward]
        counts = np.bincount(row, minlength=2 * n)
        arcs = csr_array(
            (slack[near[onward]], node[column[onward]], np.concatenate([[0], np.cumsum(counts)])),
            shape=(2 * n, 2 * n),
        )
        distance, _, origin = dijkstra(
            arcs, indices=sources, min_only=True, return_predecessors=True, limit=reach
        )
        reached = free[np.isfinite(distance[node[free]])]
        reach *= 8
    nearest = np.full(n, np.inf)
    np.minimum.at(nearest, origin[node[reached]], distance[node[reached]])
    return distance[node], float(nearest[np.isfinite(nearest)].max())


def _sparse(
    n: int, row: Int64[np.ndarray, " n_some"], column: Int64[np.ndarray, " n_some"]
) -> csr_array:
    start = np.concatenate([[0], np.cumsum(np.bincount(row, minlength=n))])
    return csr_array((np.ones(row.shape, dtype=np.int8), column, start), shape=(n, n))


def unmatched(
    n: int, row: Int64[np.ndarray, " n_edges"], column: Int64[np.ndarray, " n_edges"]
) -> tuple[Bool[np.ndarray, " n"], Bool[np.ndarray, " n"]]:
    """Rows and columns that a largest matching of these pairs leaves out."""
    order = np.argsort(row, kind="stable")
    matched = maximum_bipartite_matching(_sparse(n, row[order], column[order]), perm_type="column")
    columns = np.ones(n, dtype=bool)
    columns[matched[matched >= 0]] = False
    return matched < 0, columns
