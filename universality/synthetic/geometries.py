"""Geometries of independent runs: what two runs may have in common without sharing a latent.

Two calls with different generators give independent runs with the same geometry: axes, subspaces
and means are fixed, only the rows are drawn. All rows have unit length.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import normalize

_FIXED = 20_260_101
"""Seed of what all runs of one world have in common."""


def dominated_rows(
    n: int,
    d: int,
    *,
    generator: torch.Generator,
    axes: int,
    share: float,
    mean_share: float = 0.0,
) -> Float[Tensor, "n d"]:
    """Rows of which the first few axes hold a share of the energy, evenly.

    Args:
        n: Number of rows.
        d: Dimensions.
        generator: Source of chance.
        axes: How many axes.
        share: Of the energy of a typical row.
        mean_share: Squared cosine of a typical row with the mean, which is oblique to all axes.
    """
    variance = torch.full((d,), (1 - share) / (d - axes), dtype=torch.float32)
    variance[:axes] = share / axes
    rows = mean_share**0.5 / d**0.5 + (1 - mean_share) ** 0.5 * variance.sqrt() * _gaussian(
        n, d, generator
    )
    return normalize(rows, dim=1)


def tilted_rows(
    n: int, d: int, *, generator: torch.Generator, steepest: float = 2.0
) -> Float[Tensor, "n d"]:
    """Rows whose energy along axis k falls as k to minus a power of their own, up to `steepest`."""
    power = steepest * torch.rand(n, 1, generator=generator, dtype=torch.float32)
    axis = torch.arange(1, d + 1, dtype=torch.float32)
    scale = normalize(axis ** (-power / 2), dim=1)
    return normalize(scale * _gaussian(n, d, generator), dim=1)


def rows_in_subspaces(
    n: int,
    d: int,
    *,
    generator: torch.Generator,
    n_subspaces: int,
    dimension: int,
    share: float = 1.0,
) -> Float[Tensor, "n d"]:
    """Rows that lie, with a share of their energy, each in one of a few fixed random subspaces."""
    fixed = torch.Generator().manual_seed(_FIXED)
    bases = torch.linalg.qr(
        torch.randn(n_subspaces, d, dimension, generator=fixed, dtype=torch.float32)
    ).Q
    which = torch.randint(n_subspaces, (n,), generator=generator)
    inside = _gaussian(n, dimension, generator)[:, None] @ bases[which].transpose(1, 2)
    rows = share**0.5 * normalize(inside[:, 0], dim=1)
    return normalize(
        rows + (1 - share) ** 0.5 * normalize(_gaussian(n, d, generator), dim=1), dim=1
    )


def rows_on_circle(
    n: int, d: int, *, generator: torch.Generator, fraction: float
) -> Float[Tensor, "n d"]:
    """Isotropic rows, but that a fraction of them tiles one fixed circle evenly."""
    rows = normalize(_gaussian(n, d, generator), dim=1)
    n_on = round(fraction * n)
    turn = torch.arange(n_on, dtype=torch.float32) / n_on + torch.rand(
        1, generator=generator, dtype=torch.float32
    )
    rows[:n_on] = 0
    rows[:n_on, 0] = torch.cos(2 * torch.pi * turn)
    rows[:n_on, 1] = torch.sin(2 * torch.pi * turn)
    return rows


def repelled(
    rows: Float[Tensor, "n d"], *, steps: int = 20, rate: float = 0.3, sharpness: float = 8.0
) -> Float[Tensor, "n d"]:
    """The rows after they have pushed each other apart, the nearest the most, as training does.

    Steps down the gradient of the log of the sum of exp(sharpness cosine) over all other rows.
    """
    for _ in range(steps):
        cosines = (rows @ rows.T).fill_diagonal_(-torch.inf)
        push = torch.softmax(sharpness * cosines, dim=1) @ rows
        rows = normalize(rows - rate * push, dim=1)
    return rows


def _gaussian(n: int, d: int, generator: torch.Generator) -> Tensor:
    return torch.randn(n, d, generator=generator, dtype=torch.float32)
