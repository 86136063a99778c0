"""Tokens of a cache in training order, scaled to a common size."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import final

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from universality.activations.cache import ActivationCache, read_activations
from universality.errors import InvalidInputError

_SAMPLE = 131_072


@final
@dataclass(frozen=True, eq=False)
class InputStatistics:
    """Size and centre of the tokens, from rows spread evenly over the cache."""

    scale: float
    """Factor that gives the tokens norm sqrt(d_in) on average."""
    mean: Float[Tensor, " d_in"]
    """Mean of the scaled tokens."""
    variance: float
    """Mean squared distance of the scaled tokens from their mean."""


def input_statistics(cache: ActivationCache) -> InputStatistics:
    """Statistics of up to 131,072 rows.

    Raises:
        InvalidInputError: all tokens of the cache are equal.
    """
    rows = torch.arange(0, len(cache), -(-len(cache) // _SAMPLE))
    x = read_activations(cache, rows).float()
    scale = math.sqrt(x.shape[1]) / float(x.norm(dim=1).mean())
    x *= scale
    mean = x.mean(dim=0)
    variance = float((x - mean).square().sum(dim=1).mean())
    if not variance > 0:
        raise InvalidInputError(f"{cache.path}: all activations are equal, nothing to train on")
    return InputStatistics(scale, mean, variance)


@final
class Presentations:
    """Which rows each step shows: every row once per epoch, in a new order each time.

    The order is a function of the seed and the step alone, so a resumed run sees what an
    uninterrupted one would have.
    """

    def __init__(self, n_rows: int, *, batch_size: int, order_seed: int) -> None:
        self._n_rows, self._batch_size, self._order_seed = n_rows, batch_size, order_seed
        self._epoch, self._order = -1, torch.empty(0, dtype=torch.long)

    def rows(self, step: int) -> Int[Tensor, " batch_size"]:
        """Numbers of the rows that step `step` shows."""
        return self.between(step * self._batch_size, (step + 1) * self._batch_size)

    def between(self, start: int, stop: int) -> Int[Tensor, " n_rows"]:
        """Numbers of the rows of presentations `start` to `stop`, counted over all steps."""
        parts = []
        while start < stop:
            epoch, offset = divmod(start, self._n_rows)
            taken = min(stop - start, self._n_rows - offset)
            parts.append(self._permutation(epoch)[offset : offset + taken])
            start += taken
        return torch.cat(parts)

    def _permutation(self, epoch: int) -> Tensor:
        if epoch != self._epoch:
            seed = np.random.SeedSequence([self._order_seed, epoch]).generate_state(1, np.uint64)
            generator = torch.Generator().manual_seed(int(seed[0] >> np.uint64(1)))
            self._order = torch.randperm(self._n_rows, generator=generator)
            self._epoch = epoch
        return self._order
