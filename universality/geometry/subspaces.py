"""Do latents without a counterpart still span the same directions?

Unstable latents may lie in a reproducible subspace of few dimensions (Gerasimov et al. 2026,
arXiv:2606.12138).
More than d latents span everything, so only the top eigenspaces are compared, of at most d/4
dimensions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import torch
from jaxtyping import Bool, Float
from scipy.linalg import eigh
from torch import Tensor
from torch.nn.functional import normalize

from universality.errors import InvalidInputError


@final
@dataclass(frozen=True, eq=False)
class SubspaceAgreement:
    """How alike the top eigenspaces of two sets of directions are, beside a null."""

    cosines: Float[Tensor, " r"]
    """Cosines of the principal angles, largest first; all 1 for the same subspace."""
    d: int
    """Dimensions of the space."""
    null_overlap_mean: float
    """Mean overlap of random subsets of the same sizes from the same two runs."""
    null_overlap_sd: float
    """Standard deviation of that overlap over draws."""

    @property
    def r(self) -> int:
        """Dimensions of each eigenspace."""
        return self.cosines.numel()

    @property
    def overlap(self) -> float:
        """Mean squared cosine of the principal angles, in [0, 1]."""
        return float(self.cosines.square().mean())

    @property
    def chance(self) -> float:
        """Mean overlap of two independent isotropic subspaces, r / d."""
        return self.r / self.d


def subspace_agreement(
    a: Float[Tensor, "n_a d"],
    b: Float[Tensor, "n_b d"],
    unmatched: tuple[Bool[Tensor, " n_a"], Bool[Tensor, " n_b"]],
    *,
    generator: torch.Generator,
    r: int | None = None,
    n_draws: int = 20,
) -> SubspaceAgreement:
    """Agreement of the top eigenspaces of the unmatched latents of two runs.

    Rows are normalised, eigenspaces are those of their second moment. The null draws, from each
    run, as many latents as are unmatched there, matched or not: above it, the remainder is more
    reproducible than the run at large; at it, being unmatched says nothing about the span.

    Args:
        a: Directions of one run.
        b: Directions of the other.
        unmatched: Which latents of each run have no counterpart.
        generator: Source of chance for the null.
        r: Dimensions to compare; a quarter of d, or of the smaller remainder, if not given.
        n_draws: Draws of the null.

    Raises:
        InvalidInputError: r exceeds d/4, or a remainder is smaller than r.
    """
    a, b = (normalize(rows.float(), dim=1) for rows in (a, b))
    sizes = [int(left.sum()) for left in unmatched]
    r = _rank(r, a.shape[1], min(sizes))
    rest = [rows[left] for rows, left in zip((a, b), unmatched, strict=True)]
    overlaps = torch.stack(
        [
            _principal_cosines(
                _some(a, sizes[0], generator), _some(b, sizes[1], generator), r
            ).square()
            for _ in range(n_draws)
        ]
    ).mean(dim=1)
    return SubspaceAgreement(
        cosines=_principal_cosines(rest[0], rest[1], r),
        d=a.shape[1],
        null_overlap_mean=float(overlaps.mean()),
        null_overlap_sd=float(overlaps.std()),
    )


def _rank(r: int | None, d: int, smaller: int) -> int:
    chosen = max(1, min(d // 4, smaller // 4)) if r is None else r
    if not 1 <= chosen <= max(1, d // 4):
        raise InvalidInputError(
            f"subspaces of r={chosen} dimensions: r must lie in 1 ... d/4={d / 4:g}"
        )
    if smaller < chosen:
        raise InvalidInputError(
            f"a subspace of {chosen} dimensions needs as many unmatched latents in each run, "
            f"found {smaller}"
        )
    return chosen


def _some(rows: Tensor, n: int, generator: torch.Generator) -> Tensor:
    return rows[torch.randperm(rows.shape[0], generator=generator)[:n].to(rows.device)]


def _principal_cosines(x: Tensor, y: Tensor, r: int) -> Tensor:
    cosines: Tensor = torch.linalg.svdvals(_top(x, r).T @ _top(y, r)).clamp(max=1)
    return cosines


def _top(rows: Tensor, r: int) -> Tensor:
    """Orthonormal columns of the r largest eigenvalues of the second moment."""
    d = rows.shape[1]
    moment = (rows.T @ rows).cpu().numpy()
    _, axes = eigh(moment, subset_by_index=(d - r, d - 1))
    return torch.from_numpy(axes).to(rows.device)
