"""How surprising each latent's nearest similarity is, and how large an effect is beyond chance.

"Above chance" is not "shared": in 576 dimensions a cosine of .4 is above chance, and no one would
call the two latents one.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from jaxtyping import Bool, Float, Float64
from torch import Tensor

from universality.errors import InvalidInputError
from universality.nulls import geometry, isotropic
from universality.nulls.null import find_null

_MOST_CANDIDATES = 4096
_PAIRS_AT_ONCE = 1 << 16
"""So few that a dozen passes over them stay within the cache."""
_TINY = 1e-12
_SMALL = 1e-3
_FARTHEST = 9.0
"""Normal deviate over the root of 2 from which a tail, of at most 2e-37, counts as zero: float32
would have few digits left of it, and takes twenty times as long."""


def nearest_p_values(
    null: str,
    rows: Float[Tensor, "n_a d"],
    candidates: Float[Tensor, "n_b d"],
    similarity: Float64[np.ndarray, " n_a"],
    *,
    absolute: bool = False,
) -> Float64[np.ndarray, " n_a"]:
    """P-value of each row's similarity to its nearest candidate: row fixed, candidates random.

    Nothing is drawn, so p-values are as small as they need to be to survive Benjamini-Hochberg at
    any width. Under `geometry` the tail of each pair follows from the energy of both rows in every
    block of principal axes that the null turns: a sum of isotropic cosines, matched in range and
    variance by one isotropic cosine of an effective dimension. That is exact for one block and
    otherwise too heavy far out (in 32 dimensions threefold at 1e-4, less in more), which errs on
    the side of the null. Under the other nulls each candidate by itself is isotropic. Candidates
    count as independent (Sidak), which can only overstate p where they are alike; beyond 4,096 of
    them an evenly spaced sample is looked at.

    Args:
        null: Name of the null.
        rows: Directions of the latents that p-values are for.
        candidates: Directions among which the nearest was sought.
        similarity: Cosine to the nearest candidate (its size, if absolute).
        absolute: Whether the nearest was sought by the size of the cosine.

    Raises:
        InvalidInputError: there is no such null, or it gives no p-values.
    """
    match find_null(null).name:
        case "geometry":
            return _turned_p_values(rows, candidates, similarity, absolute)
        case "isotropic" | "haar" | "untrained":
            n, d = candidates.shape
            return isotropic.p_value(similarity, d, n, absolute=absolute)
        case other:
            raise InvalidInputError(
                f"the null {other!r} gives no p-values: what its draws do to one row is not known"
            )


def q_values(p: Float64[np.ndarray, " n"]) -> Float64[np.ndarray, " n"]:
    """Smallest false discovery rate at which each latent is above chance (Benjamini-Hochberg)."""
    order = np.argsort(p)
    scaled = p[order] * p.size / np.arange(1, p.size + 1)
    q = np.empty_like(p)
    q[order] = np.minimum.accumulate(scaled[::-1])[::-1].clip(max=1)
    return q


def without_siblings(
    p: Float64[np.ndarray, " n"], mutual: Bool[np.ndarray, " n"]
) -> Float64[np.ndarray, " n"]:
    """P-values of having a counterpart that no sibling explains: 1 where the nearest has a nearer.

    A latent whose nearest lies closer to another latent of its own run owes its similarity to that
    sibling: delete what the two runs share of it, and it is as similar. P-values only rise by this,
    so whatever level Benjamini-Hochberg keeps on them, it keeps. NaN stays NaN.

    Args:
        p: P-value of each latent's similarity to its nearest.
        mutual: Whether each latent is the nearest of its nearest.
    """
    return np.where(mutual | np.isnan(p), p, 1.0)


def normalised_excess(observed: float, null: float) -> float:
    """Part of the way from chance to identity: 0 at the null, 1 at similarity 1, can be below 0."""
    return (observed - null) / (1 - null)


def _turned_p_values(
    rows: Float[Tensor, "n_a d"],
    candidates: Float[Tensor, "n_b d"],
    similarity: Float64[np.ndarray, " n_a"],
    absolute: bool,
) -> Float64[np.ndarray, " n_a"]:
    fitted = geometry.fit(candidates)
    shown = candidates[:: -(-candidates.shape[0] // _MOST_CANDIDATES)]
    where = geometry.coordinates(fitted, shown)
    (mean, energy), levels = geometry.coordinates(fitted, rows), torch.tensor(similarity)
    step = max(1, _PAIRS_AT_ONCE // shown.shape[0])
    log_p = [
        _log_none_reaches((some_mean, some_energy), where, value, fitted, absolute)
        for some_mean, some_energy, value in zip(
            *(torch.split(one, step) for one in (mean, energy, levels)), strict=True
        )
    ]
    weight = candidates.shape[0] / shown.shape[0]
    return np.asarray(0.0 - np.expm1(weight * torch.cat(log_p).numpy()))


def _log_none_reaches(
    rows: tuple[Tensor, Tensor],
    candidates: tuple[Tensor, Tensor],
    similarity: Tensor,
    fitted: geometry.Geometry,
    absolute: bool,
) -> Tensor:
    """Log probability that no candidate, randomly turned, is as similar to each row as observed.

    Rows and candidates are given by their coordinates in the geometry.
    """
    (mean_a, energy_a), (mean_b, energy_b) = rows, candidates
    location = mean_a @ mean_b.T
    reach = (energy_a.sqrt() @ energy_b.sqrt().T).add_(_TINY)
    sizes = torch.tensor(fitted.blocks, dtype=reach.dtype, device=reach.device)
    dimension = reach.square().div_(((energy_a / sizes) @ energy_b.T).add_(_TINY))
    level = similarity.to(reach)[:, None]
    tail = _upper_tail((level - location).div_(reach), dimension)
    if absolute:
        tail += _upper_tail((level + location).div_(reach), dimension)
    return _log_of_rest(tail.clamp_(max=1)).sum(dim=1).double().cpu()


def _log_of_rest(tail: Tensor) -> Tensor:
    """log(1 - tail); by its series where the tail is small, since processors are slow there."""
    small, large = tail.clamp(max=_SMALL), tail.clamp(min=_SMALL)
    series = (small / 3).add_(0.5).mul_(small).add_(1).mul_(small).neg_()
    return torch.where(tail <= _SMALL, series, large.neg_().log1p_())


def _upper_tail(cosine: Tensor, dimension: Tensor) -> Tensor:
    """Tail of an isotropic cosine in a fractional dimension: Wallace's (1959) normal deviate."""
    nu = (dimension - 1).clamp_(min=0)
    size = cosine.square().clamp_(max=1).neg_().log1p_().neg_()
    root = size.mul_(nu).sqrt_()
    slope = nu.mul_(8).add_(1)
    z = root.mul_(slope).div_(slope.add_(2)).copysign_(cosine)
    far = z.mul_(math.sqrt(0.5)) < _FARTHEST
    tail: Tensor = z.clamp_(max=_FARTHEST).erfc_().div_(2).mul_(far)
    return tail
