"""Tokens of a cache in training order, scaled to a common size."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from typing import final

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from universality.activations.cache import ActivationCache, read_activations
from universality.activations.token_table import read_table
from universality.errors import InvalidInputError

_SAMPLE = 131_072
_MEDIAN_SAMPLE = 32_768
_MOST_HELD_OUT = 65_536
_SPLIT_SEED = 0
_HASHED = 1 << 20


@final
@dataclass(frozen=True, eq=False)
class Split:
    """Which rows of a cache are trained on, and which judge the run."""

    training: Int[Tensor, " n_training"]
    """Rows that are shown, ascending."""
    held_out: Int[Tensor, " n_held_out"]
    """Rows that are never shown, documents in random order."""


def split_rows(cache: ActivationCache, fraction: float) -> Split:
    """Whole documents, and of one more its end, kept out until they are that fraction of the rows.

    At most 65,536 rows are kept out. Which they are depends on the cache alone, so that all runs of
    a grid are shown the same tokens.
    """
    wanted = min(round(fraction * len(cache)), _MOST_HELD_OUT)
    everything = torch.arange(len(cache))
    if wanted == 0:
        return Split(everything, everything[:0])
    documents = torch.from_numpy(read_table(cache).documents).long()
    n_documents = int(documents.max()) + 1
    order = torch.randperm(n_documents, generator=torch.Generator().manual_seed(_SPLIT_SEED))
    rank = torch.empty_like(order)
    rank[order] = torch.arange(n_documents)
    by_rank = rank[documents].argsort(stable=True)
    last = rank[documents][by_rank[wanted - 1]]
    whole = by_rank[: int((rank[documents][by_rank] < last).sum())]
    partly = (rank[documents] == last).nonzero()[:, 0]
    held_out = torch.cat([whole, partly[len(partly) - (wanted - len(whole)) :]])
    shown = torch.ones(len(cache), dtype=torch.bool)
    shown[held_out] = False
    return Split(everything[shown], held_out)


@final
@dataclass(frozen=True, eq=False)
class InputStatistics:
    """Size and centre of the tokens, from rows spread evenly over those of training."""

    scale: float
    """Factor that gives the tokens norm sqrt(d_in) on average."""
    mean: Float[Tensor, " d_in"]
    """Mean of the scaled tokens."""
    median: Float[Tensor, " d_in"]
    """Geometric median of up to 32,768 of the scaled tokens."""
    variance: float
    """Mean squared distance of the scaled tokens from their mean."""


def input_statistics(
    cache: ActivationCache,
    rows: Int[Tensor, " n_rows"] | None = None,
    kept: Float[Tensor, "n_tokens d_in"] | None = None,
) -> InputStatistics:
    """Statistics of up to 131,072 of the rows, of all when none are named.

    `kept` are all activations of the cache, where they are in memory already.

    Raises:
        InvalidInputError: all those tokens are equal, or one of them is not finite.
    """
    rows = torch.arange(len(cache)) if rows is None else rows
    rows = rows[:: -(-len(rows) // _SAMPLE)]
    x = (read_activations(cache, rows) if kept is None else kept[rows]).float()
    check_finite_rows(x, rows, cache)
    norm = float(x.norm(dim=1).mean())
    if not norm > 0:
        raise InvalidInputError(f"{cache.path}: all activations are zero, nothing to train on")
    scale = math.sqrt(x.shape[1]) / norm
    x *= scale
    mean = x.mean(dim=0)
    variance = float((x - mean).square().sum(dim=1).mean())
    if not variance > 1e-9 * x.shape[1]:
        raise InvalidInputError(f"{cache.path}: all activations are equal, nothing to train on")
    median = geometric_median(x[:: -(-len(x) // _MEDIAN_SAMPLE)])
    return InputStatistics(scale, mean, median, variance)


def check_finite_rows(
    x: Float[Tensor, "n_rows d_in"], rows: Int[Tensor, " n_rows"], cache: ActivationCache
) -> None:
    """Nothing, when every activation is a number.

    Raises:
        InvalidInputError: one is not; its row is named.
    """
    bad = ~torch.isfinite(x).all(dim=1)
    if bool(bad.any()):
        raise InvalidInputError(
            f"{cache.path}: row {int(rows[bad.cpu()][0])} holds NaN or infinity; collect the cache "
            "again in float32 (`--dtype float32`), or leave those tokens out"
        )


def geometric_median(
    x: Float[Tensor, "n_rows d_in"], *, steps: int = 100, tolerance: float = 1e-6
) -> Float[Tensor, " d_in"]:
    """The point with the least mean distance to the rows, by Weiszfeld's steps from their mean.

    Rows at distance zero get the weight of a tiny distance, so a guess that lies on a row stays
    finite.
    """
    guess = x.mean(dim=0)
    size = float(x.norm(dim=1).mean())
    for _ in range(steps):
        weights = 1 / (x - guess).norm(dim=1).clamp_min(1e-6 * max(size, 1e-30))
        moved = (weights @ x) / weights.sum()
        step = float((moved - guess).norm())
        guess = moved
        if step <= tolerance * size:
            break
    return guess


@final
class Presentations:
    """Which rows each step shows: every row once per epoch, in a new order each time.

    The order is a function of the seed and the step alone, so a resumed run sees what an
    uninterrupted one would have.
    """

    def __init__(
        self, rows: Int[Tensor, " n_rows"] | int, *, batch_size: int, order_seed: int
    ) -> None:
        self._all = torch.arange(rows) if isinstance(rows, int) else rows
        self._n_rows, self._batch_size, self._order_seed = len(self._all), batch_size, order_seed
        self._epoch, self._order = -1, torch.empty(0, dtype=torch.long)

    def rows(self, step: int) -> Int[Tensor, " batch_size"]:
        """Numbers of the rows that step `step` shows."""
        return self.between(step * self._batch_size, (step + 1) * self._batch_size)

    def between(self, start: int, stop: int) -> Int[Tensor, " n_rows"]:
        """Numbers of the rows of presentations `start` to `stop`, counted over all steps."""
        parts = [torch.empty(0, dtype=torch.long)]
        while start < stop:
            epoch, offset = divmod(start, self._n_rows)
            taken = min(stop - start, self._n_rows - offset)
            parts.append(self._permutation(epoch)[offset : offset + taken])
            start += taken
        return torch.cat(parts)

    def sha256(self, n_presentations: int) -> str:
        """Digest of the rows shown, in order: equal where two runs saw the same in one order."""
        found = hashlib.sha256()
        for start in range(0, n_presentations, _HASHED):
            part = self.between(start, min(start + _HASHED, n_presentations))
            found.update(part.numpy().astype("<i8").tobytes())
        return found.hexdigest()

    def _permutation(self, epoch: int) -> Tensor:
        if epoch != self._epoch:
            seed = np.random.SeedSequence([self._order_seed, epoch]).generate_state(1, np.uint64)
            generator = torch.Generator().manual_seed(int(seed[0] >> np.uint64(1)))
            self._order = self._all[torch.randperm(self._n_rows, generator=generator)]
            self._epoch = epoch
        return self._order
