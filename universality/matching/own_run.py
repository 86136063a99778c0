"""How close the latents of one run are to each other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import final

import numpy as np
import torch
from jaxtyping import Float, Float64, Int64
from torch import Tensor

from universality.compute.watch import Watch
from universality.errors import InvalidInputError
from universality.matching.assignment import assign
from universality.matching.candidates import find_candidates
from universality.matching.exact.listed import reaching
from universality.matching.result import Matching
from universality.matching.tiling import Tiling
from universality.similarity import Others, Similarity

_NEAR_PER_ROW = 64


@final
@dataclass(frozen=True, eq=False)
class Within:
    """How the latents of one run match each other, none of them itself."""

    nearest_similarity: Float64[np.ndarray, " n"]
    """Similarity of each latent to the nearest other latent of the run."""
    matching: Matching
    """The one-to-one assignment of all latents to others with the largest total. That i has the
    partner j does not mean that j has the partner i."""


def match_within(
    similarity: Similarity,
    *,
    time_limit: float | None = None,
    progress: bool = True,
    tiling: Tiling | None = None,
) -> Within:
    """The latents of one run matched to each other like those of two runs, proven optimal.

    What two *different* latents reach: a floor under what the same latent of two runs should.

    Args:
        similarity: Of a run with itself, between -1 and 1.
        time_limit: Seconds after which the best assignment so far is returned with its true gap.
        progress: Show a bar on stderr when that is a terminal.
        tiling: How the work is cut.

    Raises:
        InvalidInputError: the sides differ in number, or there is one latent alone.
    """
    others = Others(similarity)
    if others.shape[0] < 2:
        raise InvalidInputError("a run of one latent has no other latents to match it to")
    candidates = find_candidates(others, k=1, progress=progress, tiling=tiling)
    matching = assign(
        others, candidates=candidates, time_limit=time_limit, progress=progress, tiling=tiling
    )
    return Within(candidates.of_a.nearest_similarity, _freed(matching, others))


def _freed(matching: Matching, others: Others) -> Matching:
    """The same, but that latents which time left with themselves exchange their partners."""
    b = matching.b.copy()
    alone = np.flatnonzero(b == matching.a)
    if not alone.size:
        return matching
    if alone.size == 1:
        alone = np.append(alone, (alone[0] + 1) % b.size)
    b[alone] = np.roll(b[alone], 1)
    similarity = others.at(*(torch.from_numpy(k).to(others.device) for k in (matching.a, b)))
    values = similarity.cpu().numpy()
    return replace(matching, b=b, similarity=values, total=float(values.sum()))


def nearest_other(
    similarity: Similarity, *, tiling: Tiling | None = None, progress: bool = True
) -> Float64[np.ndarray, " n"]:
    """Similarity of each latent to the nearest other latent of its run.

    Looks at every pair once, coarsely, and in float64 at those that may be the nearest; where
    ties make these too many, at all pairs of the block. A latent without others gets minus
    infinity.

    Args:
        similarity: Of a run with itself.
        tiling: How the work is cut.
        progress: Show a bar on stderr when that is a terminal.
    """
    tiling = tiling if tiling is not None else Tiling()
    n = similarity.shape[0]
    if n == 1:
        return np.full(1, -np.inf)
    with Watch(progress=progress) as watch:
        parts = [
            _nearest(similarity, torch.arange(n, device=similarity.device)[part], tiling.block_cols)
            for part in watch.steps(n, tiling.block_rows, "looking within the run")
        ]
    return np.asarray(torch.cat(parts).cpu().numpy())


def _nearest(
    similarity: Similarity, rows: Int64[Tensor, " rows"], block_cols: int
) -> Float64[Tensor, " rows"]:
    floor = torch.full(rows.shape, -torch.inf, dtype=torch.float32, device=rows.device)
    near: list[tuple[Tensor, Tensor, Tensor]] = []
    for cols, values, error in _blocks(similarity, rows, block_cols):
        floor = torch.maximum(floor, values.amax(dim=1) - 2 * error)
        at = reaching(values, floor[:, None])
        near.append((at // len(cols), cols[at % len(cols)], values.reshape(-1)[at]))
    row, col, value = (torch.cat([part[k] for part in near]) for k in range(3))
    close = value >= floor[row]
    row, col = row[close], col[close]
    if len(row) > _NEAR_PER_ROW * len(rows):
        fine = _blocks(similarity, rows, block_cols, fine=True)
        return torch.stack([values.amax(dim=1) for _, values, _ in fine]).amax(dim=0)
    exact = similarity.at(rows[row], col)
    nearest = torch.full(rows.shape, -torch.inf, dtype=torch.float64, device=rows.device)
    return nearest.scatter_reduce(0, row, exact, "amax")


def _blocks(
    similarity: Similarity, rows: Int64[Tensor, " rows"], block_cols: int, *, fine: bool = False
) -> Iterator[tuple[Int64[Tensor, " cols"], Float[Tensor, "rows cols"], float]]:
    """The rows against all columns, block by block, without pairs of a latent with itself."""
    for cols in torch.split(torch.arange(similarity.shape[1], device=rows.device), block_cols):
        values, error = similarity.block(rows, cols, fine=fine)
        values = values if values.dtype == torch.float64 else values.float()
        yield cols, values.masked_fill_(rows[:, None] == cols, -torch.inf), error
