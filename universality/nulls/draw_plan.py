"""How many draws of a null, at what width, and how a narrower draw is carried to the full width.

One draw costs about as much as the comparison itself, so wide runs are drawn at a smaller width.
Null similarities grow with the number of candidates, slowly, and in a way that is known for
isotropic directions; around the mean cosine of the runs, which no draw changes, other nulls grow in
proportion. Shares of mutual nearest latents hardly depend on width. The null of agreement falls
with width, so the drawn one is carried as it is: an upper bound.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import final

import numpy as np
import torch
from jaxtyping import Float, Float64
from torch import Tensor

from universality.compute.norms import unit
from universality.nulls.isotropic import mean_of_maximum

PAIR_BUDGET = 4 * 8192**2
"""Similarities that all draws of one null may compute in one view."""


@final
@dataclass(frozen=True)
class DrawPlan:
    """Number and width of the draws of a null."""

    n_draws: int
    """Pairs of runs to draw."""
    n_a: int
    """Latents of a in each draw."""
    n_b: int
    """Latents of b in each draw."""
    full_n_a: int
    """Latents of a in the comparison."""
    full_n_b: int
    """Latents of b in the comparison."""
    note: str = ""
    """What else was cut short, for the description."""

    @property
    def subsampled(self) -> bool:
        """Whether the draws are narrower than the comparison."""
        return (self.n_a, self.n_b) != (self.full_n_a, self.full_n_b)

    @property
    def description(self) -> str:
        """One sentence for the summary."""
        width = "full width"
        if self.subsampled:
            width = (
                f"n = {self.n_a} of {self.full_n_a} and {self.n_b} of {self.full_n_b} latents, "
                "means and shares carried to the full width"
            )
        return f"{self.n_draws} draws at {width}" + (f", {self.note}" if self.note else "")


def plan_draws(n_a: int, n_b: int, *, n_draws: int, budget: int = PAIR_BUDGET) -> DrawPlan:
    """The widest draws, of n_a : n_b latents, whose similarities together stay in the budget."""
    factor = min(1.0, (budget / (n_draws * n_a * n_b)) ** 0.5)
    narrow_a, narrow_b = (max(2, min(n, round(factor * n))) for n in (n_a, n_b))
    return DrawPlan(n_draws, narrow_a, narrow_b, n_a, n_b)


def subsample(
    run: Mapping[str, Tensor], n: int, *, generator: torch.Generator
) -> dict[str, Tensor]:
    """The run with n latents drawn without replacement, the same ones in every view."""
    total = next(iter(run.values())).shape[0]
    if n >= total:
        return dict(run)
    kept = torch.randperm(total, generator=generator, device=generator.device)[:n]
    narrow = {id(rows): rows[kept.to(rows.device)] for rows in run.values()}
    return {view: narrow[id(rows)] for view, rows in run.items()}


def mean_cosine(a: Float[Tensor, "n_a d"], b: Float[Tensor, "n_b d"]) -> float:
    """Mean cosine over all pairs of rows: the product of the two mean unit rows; O(n d)."""
    means = [unit(rows).double().mean(dim=0) for rows in (a, b)]
    return float(means[0] @ means[1].to(means[0].device))


def carry_mean(
    value: float, *, location: float, d: int, n: tuple[int, int], absolute: bool = False
) -> float:
    """A null's mean similarity, drawn among n[0] candidates, at n[1] candidates.

    `location` is the mean cosine over all pairs (0 for absolute similarities).
    """
    drawn, full = (mean_of_maximum(d, size, absolute=absolute) for size in n)
    return location + (value - location) * full / drawn


def carry_share(
    share: Float64[np.ndarray, "..."] | float, *, n: tuple[int, int]
) -> Float64[np.ndarray, "..."]:
    """A null's share of latents that reach a threshold, drawn among n[0] candidates, at n[1].

    Exact when every latent has the same chance per candidate, and too large otherwise, which errs
    on the side of the null.
    """
    with np.errstate(divide="ignore"):
        return np.asarray(
            0.0 - np.expm1(n[1] / n[0] * np.log1p(-np.asarray(share, dtype=np.float64)))
        )
