"""An independent check that an assignment is what it claims to be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np
import torch
from jaxtyping import Float64
from torch import Tensor

from universality.compute.devices import resolve_device
from universality.compute.norms import refuse_flushed
from universality.errors import InvalidInputError
from universality.matching.result import TOLERANCE, Matching
from universality.shapes import ARRAY, ArrayLike, as_matrix
from universality.validation import DEVICE, FLAG, Is, takes

_BLOCK_ROWS, _BLOCK_COLS = 512, 4_096


@final
@dataclass(frozen=True, eq=False)
class Verification:
    """What a re-check found; true in a condition when nothing is wrong."""

    problems: tuple[str, ...]
    """One sentence for each claim of the matching that does not hold."""
    total: float
    """Sum of the similarities of the pairs, recomputed."""
    upper_bound: float
    """Least bound on every assignment that the potentials v give, recomputed."""

    def __bool__(self) -> bool:
        return not self.problems

    @property
    def gap(self) -> float:
        """How much larger the total of the best assignment can be at most."""
        return self.upper_bound - self.total


@takes(
    matching=Is((Matching,), "a matching, as `match` gives it"),
    a=ARRAY,
    b=ARRAY,
    absolute=FLAG,
    device=DEVICE,
)
def verify(
    matching: Matching,
    a: ArrayLike,
    b: ArrayLike,
    *,
    absolute: bool = False,
    device: torch.device | str | None = None,
) -> Verification:
    """Whether the pairs, similarities, potentials and bound of a matching hold for these rows.

    Shares nothing with the solver: every cosine of the full product is computed in float64 and
    compared with its two potentials. Costs one float64 product; holds both matrices in float64
    and one block.

    Args:
        matching: What is to be checked.
        a: The rows of the first run, as they were matched.
        b: The rows of the second run.
        absolute: Whether the matching ignored signs.
        device: Where to compute; where `a` lies if None.

    Raises:
        InvalidInputError: the matrices are malformed, or do not have the matching's sizes, or
            hold numbers that this process flushes to zero.
    """
    left, right = as_matrix(a, "a"), as_matrix(b, "b")
    if (matching.n_a, matching.n_b) != (left.shape[0], right.shape[0]):
        raise InvalidInputError(
            f"the matching is of {matching.n_a} x {matching.n_b} latents, "
            f"but a has {left.shape[0]} rows and b has {right.shape[0]}"
        )
    if not _is_assignment(matching):
        return Verification(("the pairs are not a one-to-one assignment",), np.nan, np.nan)
    place = resolve_device(device) if device is not None else left.device
    x, y = _unit_rows(left.to(place)), _unit_rows(right.to(place))
    pairs = (x[matching.a] * y[matching.b]).sum(dim=1)
    similarity = (pairs.abs() if absolute else pairs).cpu().numpy()
    if matching.n_a <= matching.n_b:
        few, many, least = matching.u, matching.v, _least_potentials(x, y, matching.v, absolute)
    else:
        few, many, least = matching.v, matching.u, _least_potentials(y, x, matching.u, absolute)
    total, bound = float(similarity.sum()), float(least.sum() + many.sum())
    allowed = TOLERANCE * matching.n_pairs
    claims = {
        "the similarities are not those of the rows": np.allclose(
            similarity, matching.similarity, rtol=0, atol=TOLERANCE
        ),
        "the total is not the sum of the similarities": abs(total - matching.total) <= allowed,
        "a potential of the larger side is negative": few.size == many.size or many.min() >= 0,
        "a similarity exceeds the sum of its potentials": np.all(least <= few + TOLERANCE),
        "the upper bound is not the sum of the potentials": abs(
            few.sum() + many.sum() - matching.upper_bound
        )
        <= allowed,
        "the gap does not certify the total": not matching.certified or bound - total <= allowed,
    }
    return Verification(tuple(claim for claim, holds in claims.items() if not holds), total, bound)


def _is_assignment(matching: Matching) -> bool:
    n_pairs = min(matching.n_a, matching.n_b)
    return bool(
        matching.a.shape == matching.b.shape == (n_pairs,)
        and np.all(np.diff(matching.a) > 0)
        and np.unique(matching.b).shape == (n_pairs,)
        and matching.a[0] >= 0
        and matching.a[-1] < matching.n_a
        and matching.b.min() >= 0
        and matching.b.max() < matching.n_b
    )


def _unit_rows(rows: Tensor) -> Float64[Tensor, "n d"]:
    exact = rows.double()
    largest = exact.abs().amax(dim=1, keepdim=True)
    refuse_flushed(rows, largest[:, 0])
    exact = exact / largest.where(largest > 0, 1.0)
    return torch.nn.functional.normalize(exact, dim=1, eps=0.5)


def _least_potentials(
    few: Float64[Tensor, "n_few d"],
    many: Float64[Tensor, "n_many d"],
    potentials: Float64[np.ndarray, " n_many"],
    absolute: bool,
) -> Float64[np.ndarray, " n_few"]:
    price = torch.from_numpy(potentials).to(few.device)
    least = torch.full((few.shape[0],), -torch.inf, dtype=torch.float64, device=few.device)
    for rows, some in zip(
        torch.split(least, _BLOCK_ROWS), torch.split(few, _BLOCK_ROWS), strict=True
    ):
        for others, prices in zip(
            torch.split(many, _BLOCK_COLS), torch.split(price, _BLOCK_COLS), strict=True
        ):
            values = some @ others.T
            values = (values.abs_() if absolute else values).sub_(prices)
            torch.maximum(rows, values.amax(dim=1), out=rows)
    return np.asarray(least.cpu().numpy())
