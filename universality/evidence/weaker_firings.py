"""Tokens on which a latent fires less than most: weak firings decide whether it is one thing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np
from jaxtyping import Float64, Int64

from universality.evidence.trace import FiringTrace

INTERVALS = 4
"""Equal parts of the way from silent to a latent's largest code."""
QUANTILES = (0.75, 0.5, 0.25)
"""Of the codes where a latent fires, by strength."""


@final
@dataclass(frozen=True, eq=False)
class WeakerFirings:
    """Tokens of one latent, from stronger to weaker."""

    tokens: Int64[np.ndarray, " n"]
    """One token for each part that has any."""
    ranks: list[int]
    """Which part each is of, counted from the strongest, which is 0."""
    shares: Float64[np.ndarray, " n"]
    """The share of the latent's firings in that part."""


def by_interval(latent: FiringTrace) -> WeakerFirings:
    """The middle firing of each interval of strength but the strongest, which is shown anyway.

    Intervals cut the way from 0 to the largest code into equal parts; empty ones are left out.
    """
    order = latent.strongest
    strength = np.abs(latent.at(order))
    largest = strength[0] if strength.size else 1.0
    part = np.minimum((INTERVALS * (1 - strength / largest)).astype(int), INTERVALS - 1)
    found = [(rank, order[part == rank]) for rank in range(1, INTERVALS)]
    kept = [(rank, tokens) for rank, tokens in found if tokens.size]
    return WeakerFirings(
        tokens=np.array([tokens[tokens.size // 2] for _, tokens in kept], dtype=np.int64),
        ranks=[rank for rank, _ in kept],
        shares=np.array([tokens.size / order.size for _, tokens in kept], dtype=np.float64),
    )


def by_quantile(latent: FiringTrace) -> WeakerFirings:
    """The firings at the quartiles of strength; none where there are fewer firings than that."""
    order = latent.strongest
    if order.size <= len(QUANTILES):
        return WeakerFirings(np.empty(0, dtype=np.int64), [], np.empty(0))
    places = [round((1 - quantile) * (order.size - 1)) for quantile in QUANTILES]
    return WeakerFirings(
        tokens=order[places],
        ranks=list(range(1, len(QUANTILES) + 1)),
        shares=np.full(len(QUANTILES), 1 / (len(QUANTILES) + 1)),
    )
