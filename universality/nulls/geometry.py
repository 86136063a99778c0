"""The geometry of a dictionary, and the rotations that keep it: the geometry-matched null.

Rows that are independent draws from a Gaussian with *any* mean and covariance are, given their
sample mean and sample covariance, equally likely to be themselves or themselves turned by any
orthogonal map R that fixes the mean and commutes with the covariance. So `b -> b R` draws from the
null of independence exactly, whatever shared mean and spectrum two runs have, and beyond the
Gaussian it keeps all inner products within the run: clusters, norms, and the likeness of each
latent's own encoder and decoder rows.

The mean and covariance are those of b alone. Pooling both runs would not be exact: the pooled
eigenvectors are tilted towards each row of a, which inflates the null's mean squared cosine by
1 + d/(2n) even for isotropic runs.

Eigenvalues within a factor 1.25 of each other share a block, in which R is uniform; the variance of
the cosines along any fixed direction is kept to that factor's spread (about 1 % in the mean
square). With both views, one map serves both, and each view's covariance is kept as far as the
views share principal axes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import normalize

from universality.nulls.rotation import block_haar

_RATIO = 1.25
_NEGLIGIBLE = 1e-6


@final
@dataclass(frozen=True, eq=False)
class Geometry:
    """Mean direction and spectrum of a dictionary's unit rows."""

    axes: Float[Tensor, "d d"]
    """Orthonormal columns: first the span of the means, then principal axes, largest first."""
    n_fixed: int
    """How many leading axes span the means (one per view at most) and are never moved."""
    blocks: tuple[int, ...]
    """Sizes of the blocks of axes behind them that random maps mix; they sum to d - n_fixed."""


def fit(*views: Float[Tensor, "_ d"]) -> Geometry:
    """The geometry of the rows, pooled over the views given (rows are normalised first).

    One eigendecomposition, O(n d^2 + d^3), remembered for the tensors of the last few calls.
    """
    return _fit(views)


def draw_map(geometry: Geometry, *, generator: torch.Generator) -> Float[Tensor, "d d"]:
    """An orthogonal map, uniform among those that fix the means and keep the blocks."""
    fixed, free = geometry.axes.tensor_split([geometry.n_fixed], dim=1)
    turned: Tensor = block_haar(geometry.blocks, generator=generator).to(free)
    return fixed @ fixed.T + free @ turned @ free.T


def coordinates(
    geometry: Geometry, rows: Float[Tensor, "n d"]
) -> tuple[Float[Tensor, "n n_fixed"], Float[Tensor, "n n_blocks"]]:
    """What a random map leaves of each unit row: its fixed coordinates and its energy by block."""
    turned = normalize(rows.float(), dim=1) @ geometry.axes.to(rows.device)
    fixed, free = turned.tensor_split([geometry.n_fixed], dim=1)
    energies = [
        block.square().sum(dim=1) for block in torch.split(free, list(geometry.blocks), dim=1)
    ]
    return fixed, torch.stack(energies, dim=1)


@lru_cache(maxsize=4)
def _fit(views: tuple[Tensor, ...]) -> Geometry:
    rows = [normalize(view.double(), dim=1) for view in views]
    means = _span(torch.stack([r.mean(dim=0) for r in rows]))
    residuals = [r - (r @ means) @ means.T for r in rows]
    covariance = sum((r.T @ r / r.shape[0] for r in residuals), rows[0].new_zeros(()))
    above_all = covariance.trace() + 1
    values, axes = torch.linalg.eigh(covariance + above_all * means @ means.T)
    n_fixed = means.shape[1]
    return Geometry(
        axes=axes.flip(1).float(),
        n_fixed=n_fixed,
        blocks=_blocks(values.flip(0)[n_fixed:].tolist()),
    )


def _span(means: Tensor) -> Tensor:
    """Orthonormal columns spanning the rows, directions that are zero up to rounding left out."""
    _, size, directions = torch.linalg.svd(means, full_matrices=False)
    span: Tensor = directions[size > _NEGLIGIBLE]
    return span.T


def _blocks(values: Sequence[float]) -> tuple[int, ...]:
    """Runs of descending eigenvalues within a factor of their first; the null space is one run."""
    floor = values[0] * _NEGLIGIBLE if values else 0.0
    sizes: list[int] = []
    first = float("inf")
    for value in values:
        if sizes and (value * _RATIO >= first or first <= floor):
            sizes[-1] += 1
        else:
            sizes.append(1)
            first = value
    return tuple(sizes)
