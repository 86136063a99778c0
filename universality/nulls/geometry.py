"""The geometry of a dictionary, and the rotations that keep it: the geometry-matched null.

Rows that are independent draws from a Gaussian with *any* mean and covariance are, given their
sample mean m and sample covariance C, equally likely to be themselves or themselves turned by any
orthogonal map R that fixes m and commutes with C. So `b -> b R` draws from the null of independence
exactly, whatever shared mean and spectrum two runs have; and beyond the Gaussian it keeps all inner
products within the run, clusters for instance.

R commutes with C when it maps every eigenspace of C into itself, and then fixes m when it fixes the
projection of m on each of them. (It is not enough to fix m and to turn what is left of C when m is
projected out: a dominating axis that leans on m, as it does in any sample, would be partly flipped,
its alignment with a lost and the null too low.) So in each eigenspace one direction stays and the
rest is turned uniformly. Eigenvalues within a factor 1.25 of each other share a block, which serves
as one eigenspace; variances are kept to that factor's spread.

Directions have lost the lengths that Gaussian rows have. One step of Tyler's estimator (Annals of
Statistics 1987) gives them back: C is that of rows divided by the root of their leverage. With the
covariance of unit rows the axes are found less well, and draws are too low: by .002 for a power
law (1,024 x 256, observed .347), by .004 where latents differ in how much energy they have along
the leading axes; with this one by .001 at most (`analysis.null_calibration`).

The mean and covariance are those of b alone. Pooling both runs would not be exact: the pooled
eigenvectors are tilted towards each row of a, which inflates the null's mean squared cosine by
1 + d/(2n) even for isotropic runs.

Several views are one row of their concatenated unit rows, with one mean and one covariance: what
two views say together, such as the likeness of each latent's encoder and decoder rows, is kept. But
the map mixes the views, so that their parts of a row lose their unit length, and what one view says
alone comes out up to .01 too low: it is to be drawn for that view alone. (One map for both views
would not keep both covariances, which share no axes: on SmolLM2 dictionaries its null was 3 % too
low for the decoder and 4 % for the encoder.)
"""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from dataclasses import dataclass
from threading import Lock
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor

from universality.compute.norms import unit
from universality.nulls.rotation import block_haar

_RATIO = 1.25
_NEGLIGIBLE = 1e-6
_FITTING = Lock()
"""Held while fitting, so that draws side by side wait for one fit instead of repeating it."""


@final
@dataclass(frozen=True, eq=False)
class Geometry:
    """Mean and spectrum of a dictionary's rows, its views side by side."""

    axes: Float[Tensor, "d d"]
    """Orthonormal columns: first those that no map moves, the direction of the mean within each
    eigenspace; then the rest of each eigenspace, the largest eigenvalues first."""
    n_fixed: int
    """How many leading axes are never moved: at most one per eigenspace."""
    blocks: tuple[int, ...]
    """Sizes of the blocks of axes behind them that random maps mix; they sum to d - n_fixed."""


def fit(*views: Float[Tensor, "n _"]) -> Geometry:
    """The geometry of one run's rows, every view normalised, all views side by side.

    One eigendecomposition, O(n d^2 + d^3), remembered for as long as the tensors live: a study asks
    for that of each run with every other.
    """
    key = tuple(map(id, views))
    with _FITTING:
        known = _FITTED.get(key)
        if known is None or any(
            ref() is not view for ref, view in zip(known[0], views, strict=True)
        ):
            alive = tuple(weakref.ref(view, lambda _: _FITTED.pop(key, None)) for view in views)
            known = _FITTED[key] = alive, _fit(views)
        return known[1]


_FITTED: dict[tuple[int, ...], tuple[tuple[weakref.ref[Tensor], ...], Geometry]] = {}
"""What is known of tensors, by their identity; gone with the first of them."""


def concatenated(views: Sequence[Float[Tensor, "n _"]]) -> Float[Tensor, "n d"]:
    """The unit rows of all views, concatenated: one row per latent."""
    return torch.cat([unit(view) for view in views], dim=1)


def draw_map(geometry: Geometry, *, generator: torch.Generator) -> Float[Tensor, "d d"]:
    """An orthogonal map, uniform among those that fix the mean and keep the eigenspaces."""
    fixed, free = geometry.axes.tensor_split([geometry.n_fixed], dim=1)
    turned: Tensor = block_haar(geometry.blocks, generator=generator).to(free)
    return fixed @ fixed.T + free @ turned @ free.T


def coordinates(
    geometry: Geometry, rows: Float[Tensor, "n d"]
) -> tuple[Float[Tensor, "n n_fixed"], Float[Tensor, "n n_blocks"]]:
    """What a random map leaves of each unit row: its fixed coordinates and its energy by block."""
    turned = unit(rows) @ geometry.axes.to(rows.device)
    fixed, free = turned.tensor_split([geometry.n_fixed], dim=1)
    energies = [
        block.square().sum(dim=1, keepdim=True)
        for block in torch.split(free, list(geometry.blocks), dim=1)
    ]
    return fixed, torch.cat([free[:, :0], *energies], dim=1)


def _fit(views: tuple[Tensor, ...]) -> Geometry:
    rows = concatenated(views).double()
    mean = rows.mean(dim=0)
    weighed = rows / _leverage(rows).sqrt().clamp(min=_NEGLIGIBLE)
    centred = weighed - weighed.mean(dim=0)
    values, axes = torch.linalg.eigh(centred.T @ centred / rows.shape[0])
    sizes = _blocks(values.flip(0).tolist())
    spaces = [_leaning(space, mean) for space in torch.split(axes.flip(1), list(sizes), dim=1)]
    fixed, free = ([pair[k] for pair in spaces] for k in (0, 1))
    return Geometry(
        axes=torch.cat([*fixed, *free], dim=1).float(),
        n_fixed=sum(one.shape[1] for one in fixed),
        blocks=tuple(one.shape[1] for one in free if one.shape[1]),
    )


def _leverage(rows: Tensor) -> Tensor:
    """How much each row alone decides the second moments: its squared length, measured by them.

    1 on average; the same for all where there are no more rows than dimensions.
    """
    values, axes = torch.linalg.eigh(rows.T @ rows / rows.shape[0])
    spanned = values > _NEGLIGIBLE * values[-1]
    along = rows @ axes[:, spanned] / values[spanned].sqrt()
    leverage: Tensor = along.square().sum(dim=1, keepdim=True) / max(1, along.shape[1])
    return leverage


def _leaning(space: Tensor, mean: Tensor) -> tuple[Tensor, Tensor]:
    """An eigenspace in two parts: the direction of the mean in it, and all that is across.

    A mean that is zero in the space up to rounding leans nowhere.
    """
    lean = space.T @ mean
    if lean.norm() <= _NEGLIGIBLE:
        return space[:, :0], space
    basis: Tensor = torch.linalg.qr(lean[:, None], mode="complete").Q
    return space @ basis[:, :1], space @ basis[:, 1:]


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
