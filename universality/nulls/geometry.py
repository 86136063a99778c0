"""The geometry of a dictionary, and the rotations that keep it: the geometry-matched null.

Rows that are independent draws from a Gaussian with *any* mean and covariance are, given their
sample mean and sample covariance, equally likely to be themselves or themselves turned by any
orthogonal map R that fixes the mean and commutes with the covariance. So `b -> b R` draws from the
null of independence exactly, whatever shared mean and spectrum two runs have; and beyond the
Gaussian it keeps all inner products within the run, clusters for instance.

The mean and covariance are those of b alone. Pooling both runs would not be exact: the pooled
eigenvectors are tilted towards each row of a, which inflates the null's mean squared cosine by
1 + d/(2n) even for isotropic runs.

Several views are one row of their concatenated unit rows, with one covariance: each view keeps its
own, and the two keep the likeness of each latent's encoder and decoder rows. (One map for both
views would not keep both covariances, which share no axes: on SmolLM2 dictionaries its null was 3 %
too low for the decoder and 4 % for the encoder, against 2 % and 1 % at most this way.)

Eigenvalues within a factor 1.25 of each other share a block, in which R is uniform; the variance of
the cosines along any fixed direction is kept to that factor's spread (about 1 % in the mean
square).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from threading import Lock
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import normalize

from universality.nulls.rotation import block_haar

_RATIO = 1.25
_NEGLIGIBLE = 1e-6
_FITTING = Lock()
"""Held while fitting, so that draws side by side wait for one fit instead of repeating it."""


@final
@dataclass(frozen=True, eq=False)
class Geometry:
    """Mean direction and spectrum of a dictionary's rows, its views side by side."""

    axes: Float[Tensor, "d d"]
    """Orthonormal columns: first the mean of each view, then principal axes, largest first."""
    n_fixed: int
    """How many leading axes are means (one per view at most) and are never moved."""
    blocks: tuple[int, ...]
    """Sizes of the blocks of axes behind them that random maps mix; they sum to d - n_fixed."""


def fit(*views: Float[Tensor, "n _"]) -> Geometry:
    """The geometry of one run's rows, every view normalised, all views side by side.

    One eigendecomposition, O(n d^2 + d^3), remembered for the tensors of the last few calls.
    """
    with _FITTING:
        return _fit(views)


def side_by_side(views: Sequence[Float[Tensor, "n _"]]) -> Float[Tensor, "n d"]:
    """The unit rows of all views, concatenated: one row per latent."""
    return torch.cat([normalize(view.float(), dim=1) for view in views], dim=1)


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
    rows = side_by_side(views).double()
    means = _means(rows.mean(dim=0), [view.shape[1] for view in views])
    residual = rows - (rows @ means) @ means.T
    covariance = residual.T @ residual / rows.shape[0]
    above_all = covariance.trace() + 1
    values, axes = torch.linalg.eigh(covariance + above_all * means @ means.T)
    n_fixed = means.shape[1]
    return Geometry(
        axes=axes.flip(1).float(),
        n_fixed=n_fixed,
        blocks=_blocks(values.flip(0)[n_fixed:].tolist()),
    )


def _means(mean: Tensor, sizes: list[int]) -> Tensor:
    """A unit column per view, the direction of its mean; means zero up to rounding left out."""
    view = torch.arange(len(sizes)).repeat_interleave(torch.tensor(sizes)).to(mean.device)
    columns = mean[:, None] * torch.nn.functional.one_hot(view, len(sizes))
    lengths = columns.norm(dim=0)
    kept = lengths > _NEGLIGIBLE
    directions: Tensor = columns[:, kept] / lengths[kept]
    return directions


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
