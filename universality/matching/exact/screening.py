"""One pass over the full product that lists what is close, by thresholds guessed from a sample."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import final

import numpy as np
import torch
from jaxtyping import Float, Float64, Int64
from torch import Tensor

from universality.compute.watch import Watch
from universality.matching.exact.listed import ListedPairs, at_least
from universality.matching.tiling import Tiling
from universality.similarity import Similarity

_SAMPLED_FRACTION = 16
_SAMPLED_AT_LEAST = 1_024
_TOPPED_UP = 64
_FLOAT32_ROUNDOFF = 2.0**-24


def screen(
    similarity: Similarity,
    rows: range,
    *,
    tiling: Tiling,
    watch: Watch,
) -> ListedPairs:
    """About `tiling.width` close pairs for every latent of a in the range and every latent of b.

    Looks at every pair once, plus an eighth for the thresholds. A latent that got fewer than
    `tiling.restricted` is looked at again; one with far too many, as ties give, keeps the closest.
    When the watch's time is over, the latents of a not yet looked at are only bounded.
    """
    run = _Pass(similarity, rows, tiling, watch)
    floor_a, floor_b = run.thresholds()
    collected = _Collected(run, floor_a, floor_b)
    order = torch.argsort(floor_a, stable=True)
    for part in watch.steps(len(rows), tiling.block_rows, "looking at every pair"):
        if watch.expired:
            collected.give_up(order[part.start :])
            return collected.listed()
        for start in range(0, similarity.shape[1], tiling.block_cols):
            stop = min(start + tiling.block_cols, similarity.shape[1])
            collected.add_block(order[part], range(start, stop))
    collected.top_up()
    return collected.listed()


@final
@dataclass(frozen=True, eq=False)
class _Pass:
    """What a pass looks at, and how."""

    similarity: Similarity
    rows: range
    tiling: Tiling
    watch: Watch

    def block(
        self, rows: Tensor | range, cols: Tensor | range
    ) -> tuple[Float[Tensor, "rows cols"], float]:
        """Screened values, in float32 or better; `rows` counts from the start of the range."""
        first = self.rows.start
        of_a = (
            slice(rows.start + first, rows.stop + first)
            if isinstance(rows, range)
            else rows + first
        )
        of_b = slice(cols.start, cols.stop) if isinstance(cols, range) else cols
        values, error = self.similarity.block(of_a, of_b)
        return (values if values.dtype == torch.float64 else values.float()), error

    def thresholds(self) -> tuple[Float[Tensor, " n_rows"], Float[Tensor, " n_b"]]:
        """Values that about `width` pairs of each latent reach, by a sample of the other side."""
        n_rows, n_b = len(self.rows), self.similarity.shape[1]
        device = self.similarity.device
        cols, rows = _sample(n_b, device), _sample(n_rows, device)
        rank_a = max(1, round(self.tiling.width * len(cols) / n_b))
        rank_b = max(1, round(self.tiling.width * len(rows) / n_rows))
        floor_a = [
            self._floor(_range(part), lambda some: self.block(some, cols)[0], rank_a)
            for part in self.watch.steps(n_rows, self.tiling.block_rows, "sampling")
        ]
        floor_b = [
            self._floor(_range(part), lambda some: self.block(rows, some)[0].T, rank_b)
            for part in self.watch.steps(n_b, self.tiling.block_rows, "sampling")
        ]
        return torch.cat(floor_a), torch.cat(floor_b)

    def _floor(
        self,
        some: range,
        values: Callable[[range], Float[Tensor, "some others"]],
        rank: int,
    ) -> Float[Tensor, " some"]:
        if self.watch.expired:
            return torch.full(
                (len(some),),
                self.similarity.ceiling,
                dtype=torch.float32,
                device=self.similarity.device,
            )
        return _top(values(some), rank).values[:, -1]


@final
class _Collected:
    """The pairs found so far in a pass, and the bounds on those passed over."""

    def __init__(
        self, run: _Pass, floor_a: Float[Tensor, " n_rows"], floor_b: Float[Tensor, " n_b"]
    ) -> None:
        self._run, self._floor_a, self._floor_b = run, floor_a, floor_b
        self._rest_a, self._rest_b = floor_a.double(), floor_b.double()
        nothing, no_values = torch.empty(0, dtype=torch.int64), torch.empty(0, dtype=torch.float32)
        self._parts: list[tuple[Tensor, Tensor, Tensor]] = [(nothing, nothing, no_values)]
        self._error = 0.0

    def add_block(self, rows: Int64[Tensor, " rows"], cols: range) -> None:
        """List the pairs of a block that reach the threshold of either latent."""
        values, error = self._run.block(rows, cols)
        self._error = max(self._error, error)
        floor_a, floor_b = self._floor_a[rows], self._floor_b[cols.start : cols.stop]
        at = at_least(values, torch.minimum(floor_a.min(), floor_b))
        i, j, found = at // len(cols), at % len(cols), values.reshape(-1)[at]
        close = (found >= floor_a[i]) | (found >= floor_b[j])
        i, j, found = i[close], j[close], found[close]
        width, share = self._run.tiling.width, len(cols) / len(self._floor_b)
        expected = width * len(rows) * share + width * len(cols) * len(rows) / len(self._floor_a)
        if len(i) > 8 * expected + 1_024:
            i, j, found = self._closest_of_block(values, rows, cols)
        self._keep(rows[i], j + cols.start, found)

    def _closest_of_block(
        self, values: Float[Tensor, "rows cols"], rows: Tensor, cols: range
    ) -> tuple[Tensor, Tensor, Tensor]:
        top = values.topk(min(self._run.tiling.width, len(cols)), dim=1)
        if len(cols) > self._run.tiling.width:
            dropped = values.scatter(1, top.indices, -torch.inf).double()
            self._rest_a[rows] = torch.maximum(self._rest_a[rows], dropped.amax(dim=1))
            rest_b = self._rest_b[cols.start : cols.stop]
            torch.maximum(rest_b, dropped.amax(dim=0), out=rest_b)
        own = torch.arange(len(rows), device=rows.device)[:, None].expand_as(top.indices)
        return own.reshape(-1), top.indices.reshape(-1), top.values.reshape(-1)

    def _keep(self, rows: Tensor, cols: Tensor, values: Tensor) -> None:
        finite = values > -torch.inf
        self._parts.append((rows[finite].cpu(), cols[finite].cpu(), values[finite].float().cpu()))

    def give_up(self, rows: Int64[Tensor, " rows"]) -> None:
        """These rows will not be looked at: any of their pairs may be as close as can be."""
        self._rest_a[rows] = self._run.similarity.ceiling
        self._rest_b[:] = self._run.similarity.ceiling

    def top_up(self) -> None:
        """Look again at latents that have too few pairs to start an assignment on."""
        n_rows, n_b = len(self._floor_a), len(self._floor_b)
        for few in self._few(0, n_rows, n_b):
            top = _top(self._run.block(few, range(n_b))[0], self._run.tiling.width)
            self._rest_a[few] = top.values[:, -1].double()
            own = few[:, None].expand_as(top.indices)
            self._keep(own.reshape(-1), top.indices.reshape(-1), top.values.reshape(-1))
        for few in self._few(1, n_b, n_rows):
            top = _top(self._run.block(range(n_rows), few)[0].T, self._run.tiling.width)
            self._rest_b[few] = top.values[:, -1].double()
            own = few[:, None].expand_as(top.indices)
            self._keep(top.indices.reshape(-1), own.reshape(-1), top.values.reshape(-1))

    def _few(self, side: int, n: int, n_others: int) -> tuple[Tensor, ...]:
        counts = torch.bincount(torch.cat([part[side] for part in self._parts]), minlength=n)
        wanted = min(self._run.tiling.restricted, self._run.tiling.width, n_others)
        few = (counts < wanted).nonzero()[:, 0].to(self._floor_a.device)
        return torch.split(few, _TOPPED_UP)

    def listed(self) -> ListedPairs:
        """What was collected, each pair once, in the order of a and then b."""
        a, b, value = (torch.cat([part[k] for part in self._parts]).numpy() for k in range(3))
        key = a * len(self._floor_b) + b
        first = np.argsort(key)
        key = key[first]
        once = np.ones(len(key), dtype=bool)
        np.not_equal(key[1:], key[:-1], out=once[1:])
        key, first = key[once], first[once]
        largest = float(np.abs(value).max(initial=0.0))
        error = self._error + _FLOAT32_ROUNDOFF * largest
        return ListedPairs(
            a=key // len(self._floor_b) + self._run.rows.start,
            b=key % len(self._floor_b),
            value=value[first],
            error=error,
            rest_a=_numpy(self._rest_a) + error,
            rest_b=_numpy(self._rest_b) + error,
        )


def _sample(n: int, device: torch.device) -> Int64[Tensor, " n_sampled"]:
    size = min(n, max(n // _SAMPLED_FRACTION, _SAMPLED_AT_LEAST))
    chosen = torch.randperm(n, generator=torch.Generator().manual_seed(0))[:size]
    return chosen.sort().values.to(device)


def _range(part: slice) -> range:
    return range(part.start, part.stop)


def _top(values: Float[Tensor, "n m"], k: int) -> torch.return_types.topk:
    return values.topk(min(k, values.shape[1]), dim=1)


def _numpy(values: Float64[Tensor, " n"]) -> Float64[np.ndarray, " n"]:
    return np.asarray(values.cpu().numpy())
