"""Feature directions with a stated mean, spectrum and clustering."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import normalize


def make_directions(
    n: int,
    d: int,
    *,
    generator: torch.Generator,
    mean_share: float = 0.0,
    spectrum: float = 0.0,
    cluster_size: int = 1,
    cluster_share: float = 0.5,
    confined: tuple[float, int] = (0.0, 1),
) -> Float[Tensor, "n d"]:
    """Random unit rows: isotropic unless told otherwise.

    Two calls with different generators give independent runs with the same geometry: the mean
    direction and the principal axes are fixed, only the rows are drawn.

    Args:
        n: Number of rows.
        d: Dimensions.
        generator: Source of chance.
        mean_share: Squared cosine of a typical row with the mean direction, in [0, 1).
        spectrum: The variance along axis k falls as k to minus this power.
        cluster_size: Rows that share a centre, consecutive; 1 for independent rows.
        cluster_share: Squared cosine of a row with its centre, where there are clusters.
        confined: Fraction of the rows that lie in a fixed subspace, and its dimension; the
            subspace is spanned by the last axes, where the spectrum is lowest.
    """
    scale = torch.arange(1.0, d + 1, device=generator.device, dtype=torch.float32) ** (
        -spectrum / 2
    )
    scale = scale / scale.norm()
    rows = _gaussian(n, d, generator) * scale
    if cluster_size > 1:
        centres = (_gaussian(-(-n // cluster_size), d, generator) * scale).repeat_interleave(
            cluster_size, dim=0
        )
        rows = cluster_share**0.5 * centres[:n] + (1 - cluster_share) ** 0.5 * rows
    n_confined = round(confined[0] * n)
    if n_confined:
        rows[:n_confined, : d - confined[1]] = 0
        rows[:n_confined] = normalize(rows[:n_confined], dim=1)
    mean = torch.ones(d, device=generator.device, dtype=torch.float32) / d**0.5
    return normalize(mean_share**0.5 * mean + (1 - mean_share) ** 0.5 * rows, dim=1)


def _gaussian(n: int, d: int, generator: torch.Generator) -> Tensor:
    return torch.randn(n, d, generator=generator, device=generator.device, dtype=torch.float32)
