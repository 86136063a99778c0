"""Looking at the full product again, where nothing known proves that no pair is too close."""

from __future__ import annotations

from typing import final

import numpy as np
import torch
from jaxtyping import Bool, Float64, Int64
from torch import Tensor

from universality.compute.watch import Watch
from universality.matching.exact.listed import at_least
from universality.matching.exact.pool import Pool
from universality.matching.exact.solution import Solution
from universality.matching.tiling import Tiling

_LISTED_SHARE = 64
_LISTED_ALWAYS = 4_096
_FLOAT32_SLACK = 1e-6
_VIOLATIONS_PER_ROW = 4


def doubtful(
    pool: Pool, solution: Solution, rows: Int64[np.ndarray, " rows"], slack: float
) -> Bool[np.ndarray, " n_b"]:
    """Latents of b with which these may have an unlisted pair within `slack` of the potentials."""
    u, v = solution.u[rows], solution.v
    by_row = v < (pool.rest_a[rows] - u).max() + slack
    by_column = pool.rest_b - v > u.min() - slack
    by_price = v - pool.priced_b < (pool.priced_a[rows] - u).max() + slack
    return np.asarray(by_row & by_column & by_price)


def in_doubt(
    pool: Pool, solution: Solution, *, tiling: Tiling, slack: float
) -> Int64[np.ndarray, " n_in_doubt"]:
    """Latents of a, most doubtful last, that may have an unlisted pair within `slack`.

    That is, whose similarity is more than u + v - slack as far as the bounds tell.
    """
    far = _reach(pool, solution)
    rows = np.flatnonzero(far > -slack)
    rows = rows[np.argsort(far[rows], kind="stable")]
    parts = [
        rows[start : start + tiling.block_rows] for start in range(0, len(rows), tiling.block_rows)
    ]
    kept = [part for part in parts if doubtful(pool, solution, part, slack).any()]
    return np.concatenate([rows[:0], *kept])


def price_rest(
    pool: Pool, solution: Solution, *, tiling: Tiling, tolerance: float, watch: Watch
) -> bool:
    """Whether anything had to be looked at; if so, the pairs in question are now listed.

    Afterwards no unlisted pair comes within `tiling.margin` of the potentials, except in blocks
    where too many pairs do: there the values are computed in float64, only violations are listed,
    and the bound is what was found.
    """
    if not len(in_doubt(pool, solution, tiling=tiling, slack=-2 * tolerance)):
        return False
    rows = in_doubt(pool, solution, tiling=tiling, slack=tiling.margin)
    blocks = _Blocks(pool, solution, tiling.margin, tolerance)
    priced = solution.u - tiling.margin
    for part in watch.steps(len(rows), tiling.block_rows, "looking at pairs in doubt"):
        some = rows[part]
        columns = np.flatnonzero(doubtful(pool, solution, some, tiling.margin))
        for start in range(0, len(columns), tiling.block_cols):
            highest = blocks.price(some, columns[start : start + tiling.block_cols])
            priced[some] = np.maximum(priced[some], highest)
    pool.bound_by_prices(priced, solution.v)
    blocks.list_found()
    return True


@final
class _Blocks:
    """Blocks of the product compared with the potentials, and the pairs found there."""

    def __init__(self, pool: Pool, solution: Solution, margin: float, tolerance: float) -> None:
        self._pool, self._margin, self._tolerance = pool, margin, tolerance
        device = pool.similarity.device
        self._u, self._v = (torch.from_numpy(side).to(device) for side in (solution.u, solution.v))
        self._found: list[tuple[Tensor, Tensor, Tensor]] = []

    def price(
        self, rows: Int64[np.ndarray, " rows"], cols: Int64[np.ndarray, " cols"]
    ) -> Float64[np.ndarray, " rows"]:
        """Keep the pairs near the potentials; what bounds the rest, less the potentials of b."""
        i, j = (torch.from_numpy(side).to(self._u.device) for side in (rows, cols))
        values, error = self._pool.similarity.block(i, j)
        floor = (self._u[i] - self._margin - error - _FLOAT32_SLACK).float()
        reduced = values.float() - self._v[j].float()
        at = at_least(reduced, floor[:, None])
        if len(at) * _LISTED_SHARE > values.numel() and len(at) > _LISTED_ALWAYS:
            return self._price_fine(i, j)
        close = values.reshape(-1)[at].double() + error
        self._found.append((i[at // len(j)].cpu(), j[at % len(j)].cpu(), close.cpu()))
        return np.full(len(rows), -np.inf)

    def _price_fine(
        self, i: Int64[Tensor, " rows"], j: Int64[Tensor, " cols"]
    ) -> Float64[np.ndarray, " rows"]:
        values, error = self._pool.similarity.block(i, j, fine=True)
        reduced = values - self._v[j] + error
        top = reduced.topk(min(_VIOLATIONS_PER_ROW, len(j)), dim=1)
        row, place = (top.values > self._u[i][:, None] + self._tolerance).nonzero(as_tuple=True)
        column = j[top.indices[row, place]]
        upper = top.values[row, place] + self._v[column]
        self._found.append((i[row].cpu(), column.cpu(), upper.cpu()))
        return np.asarray(top.values[:, 0].cpu().numpy())

    def list_found(self) -> None:
        """Hand the pairs to the pool."""
        a, b, upper = (torch.cat([part[k] for part in self._found]).numpy() for k in range(3))
        self._pool.extend(a, b, upper)


def _reach(pool: Pool, solution: Solution) -> Float64[np.ndarray, " n_a"]:
    by_row = pool.rest_a - solution.v.min()
    by_price = pool.priced_a + float((pool.priced_b - solution.v).max())
    return np.asarray(np.minimum(by_row, by_price) - solution.u)
