"""Prices for a square assignment problem by simultaneous bidding (Bertsekas 1988)."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float64, Int64

from universality.compute.watch import Watch
from universality.matching.exact.graph import Graph

_LEFT_OVER = 0.005
_INCREMENTS = (1e-2, 1e-3, 1e-4, 0.0)
"""What a bid adds, in spans of the weights."""
_FEW = 8
_BIDS_PER_ROW = 20


def auction(
    graph: Graph, prices: Float64[np.ndarray, " n"] | None, watch: Watch
) -> Float64[np.ndarray, " n"]:
    """Prices at which nearly every row has a column of its own among its best.

    From nothing or from given prices: first with a coarse increment, which settles contests
    quickly, then with ever finer ones, which take back what the coarse one overpaid, and last with
    none, which leaves each won pair exactly as good as the row's second choice. Each stops when
    half a per cent of the rows, or eight, are without a column, when bids stop moving prices
    (ties), or after 20 bids per row.
    """
    prices = np.zeros(graph.n) if prices is None else prices
    span = float(np.ptp(graph.weight))
    for increment in _INCREMENTS:
        prices = _bid(graph, prices, increment * span, watch)
    return prices


def _bid(
    graph: Graph, prices: Float64[np.ndarray, " n"], increment: float, watch: Watch
) -> Float64[np.ndarray, " n"]:
    prices = prices.copy()
    holder = np.full(graph.n, -1)
    waiting = np.arange(graph.n)
    bids = 0
    while len(waiting) > max(_FEW, _LEFT_OVER * graph.n) and bids < _BIDS_PER_ROW * graph.n:
        if watch.expired:
            break
        bids += len(waiting)
        column, offer = _offers(graph, prices, waiting, increment)
        order = np.lexsort((offer, column))
        highest = order[np.append(np.diff(column[order]) != 0, True)]
        won = column[highest]
        if not np.any(offer[highest] > prices[won]) and np.all(holder[won] >= 0):
            break
        evicted = holder[won]
        holder[won] = waiting[highest]
        prices[won] = offer[highest]
        waiting = np.concatenate([np.delete(waiting, highest), evicted[evicted >= 0]])
    return prices


def _offers(
    graph: Graph, prices: Float64[np.ndarray, " n"], rows: Int64[np.ndarray, " k"], increment: float
) -> tuple[Int64[np.ndarray, " k"], Float64[np.ndarray, " k"]]:
    """The best column of each row, and the price that makes it no better than the second best."""
    degree = graph.start[rows + 1] - graph.start[rows]
    first = np.cumsum(degree) - degree
    edge = np.repeat(graph.start[rows] - first, degree) + np.arange(degree.sum())
    value = graph.weight[edge] - prices[graph.column[edge]]
    best = np.maximum.reduceat(value, first)
    bidder = np.repeat(np.arange(len(rows)), degree)
    winners = np.flatnonzero(value == best[bidder])[::-1]
    chosen = np.empty(len(rows), dtype=np.int64)
    chosen[bidder[winners]] = winners
    value[chosen] = -np.inf
    second = np.where(degree > 1, np.maximum.reduceat(value, first), best)
    column = graph.column[edge[chosen]]
    return column, prices[column] + best - second + increment
