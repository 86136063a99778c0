"""Directions written as sums of a few others: the search behind splits and merges."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import final

import numpy as np
import torch
from jaxtyping import Float64, Int64
from torch import Tensor
from torch.nn.functional import normalize

from universality.matching import Neighbours

MOST_MEMBERS = 5
"""Terms of a combination; with thousands, any direction could be built from any others."""
NEAREST = 12
"""Nearest others among which terms are sought."""
LOWEST_COSINE = 0.3
"""Cosine with the direction from which another may be a term."""
LEAST_GAIN = 0.01
"""Variance that a further term must explain."""

_ROWS_PER_STEP = 2_048
_ROUNDING = 1e-9


@final
@dataclass(frozen=True, eq=False)
class Combinations:
    """For each direction, the terms of its non-negative combination."""

    member: Int64[np.ndarray, "n m"]
    """Terms, in the order in which they were found; -1 for none."""
    coefficient: Float64[np.ndarray, "n m"]
    """Their factors, for unit rows; 0 for none, negative only where signs do not count."""
    explained: Float64[np.ndarray, " n"]
    """Fraction of the direction's squared length that the combination explains."""

    @property
    def n_members(self) -> Int64[np.ndarray, " n"]:
        """Number of terms."""
        return np.asarray((self.member >= 0).sum(axis=1))


def combine(
    rows: Tensor, others: Tensor, near: Neighbours, *, absolute: bool = False
) -> Combinations:
    """Non-negative combinations of at most five of each row's nearest others.

    Orthogonal matching pursuit: the term that explains most of what is left comes next, then all
    factors are fitted anew by exact non-negative least squares. Only others with a cosine of at
    least 0.3 take part, and a term must explain another 1 % of the variance. With `absolute`, each
    other is first turned to the side on which its cosine is positive.
    """
    parts = []
    for start in range(0, rows.shape[0], _ROWS_PER_STEP):
        index = torch.from_numpy(near.index[start : start + _ROWS_PER_STEP])
        x = normalize(rows[start : start + _ROWS_PER_STEP].double().cpu(), dim=1)
        terms = normalize(others.cpu()[index.clamp_min(0)].double(), dim=2)
        cosine = (terms @ x[:, :, None])[:, :, 0].where(index >= 0, -1.0)
        sign = torch.where(cosine < 0, -1.0, 1.0) if absolute else torch.ones_like(cosine)
        cosine = (cosine * sign).where(index >= 0, -1.0)
        terms = terms * sign[:, :, None]
        chosen, factor, explained = _pursue(terms @ terms.transpose(1, 2), cosine)
        member = index.gather(1, chosen).where(factor > 0, -1)
        parts.append((member, factor * sign.gather(1, chosen), explained))
    columns = (torch.cat(column).numpy() for column in zip(*parts, strict=True))
    return Combinations(*columns)


def _pursue(
    gram: Float64[Tensor, "n k k"], cosine: Float64[Tensor, "n k"]
) -> tuple[Tensor, Tensor, Tensor]:
    """Numbers of the chosen terms, their factors, and what they explain."""
    n, k = cosine.shape
    allowed = cosine >= LOWEST_COSINE
    chosen = torch.zeros(n, 0, dtype=torch.int64)
    factor, explained = torch.zeros(n, 0, dtype=torch.float64), torch.zeros(n, dtype=torch.float64)
    for _ in range(min(MOST_MEMBERS, k)):
        fitted = (gram.gather(1, chosen[:, :, None].expand(-1, -1, k)) * factor[:, :, None]).sum(1)
        left = (cosine - fitted).where(allowed, -1.0)
        best = left.argmax(dim=1, keepdim=True)
        trial = torch.cat([chosen, best], dim=1)
        values, better = _non_negative(_square(gram, trial), cosine.gather(1, trial))
        gains = (left.gather(1, best)[:, 0] > _ROUNDING) & (better - explained >= LEAST_GAIN)
        explained = torch.where(gains, better, explained)
        kept = torch.cat([factor, torch.zeros(n, 1, dtype=torch.float64)], dim=1)
        factor = torch.where(gains[:, None], values, kept)
        allowed = allowed.scatter(1, best, False) & gains[:, None]
        chosen = trial
    return chosen, factor, explained


def _square(
    gram: Float64[Tensor, "n k k"], chosen: Int64[Tensor, "n m"]
) -> Float64[Tensor, "n m m"]:
    k, m = gram.shape[1], chosen.shape[1]
    rows = gram.gather(1, chosen[:, :, None].expand(-1, -1, k))
    return rows.gather(2, chosen[:, None, :].expand(-1, m, -1))


def _non_negative(
    gram: Float64[Tensor, "n m m"], cosine: Float64[Tensor, "n m"]
) -> tuple[Float64[Tensor, "n m"], Float64[Tensor, " n"]]:
    """Exact non-negative least squares with a few terms: the best subset of them that is feasible.

    Terms that repeat an earlier one make a subset singular; it is passed over.
    """
    n, m = cosine.shape
    best, explained = torch.zeros_like(cosine), torch.zeros(n, dtype=torch.float64)
    for bits in product((False, True), repeat=m):
        part = [term for term in range(m) if bits[term]]
        if not part:
            continue
        solved, failed = torch.linalg.solve_ex(gram[:, part][:, :, part], cosine[:, part])
        reached = (solved * cosine[:, part]).sum(dim=1)
        feasible = (failed == 0) & (solved >= 0).all(dim=1) & (reached <= 1 + _ROUNDING)
        better = feasible & (reached > explained)
        explained = torch.where(better, reached, explained)
        values = torch.zeros_like(best)
        values[:, part] = solved
        best = torch.where(better[:, None], values, best)
    return best, explained
