"""An independent check that an assignment is what it claims to be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import final

import numpy as np
import torch
from jaxtyping import Float64
from torch import Tensor

from universality.compute.devices import resolve_device
from universality.compute.norms import refuse_flushed
from universality.errors import InvalidInputError
from universality.matching.partial import PartialMatching
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
    """Sum of the similarities of the pairs, recomputed; of a partial matching, less the price."""
    upper_bound: float
    """Least bound on every assignment that the potentials v give, recomputed."""

    def __bool__(self) -> bool:
        return not self.problems

    @property
    def gap(self) -> float:
        """How much larger the total of the best assignment can be at most."""
        return self.upper_bound - self.total


@takes(
    matching=Is(
        (Matching, PartialMatching), "a matching, as `match` or `match_partially` gives it"
    ),
    a=ARRAY,
    b=ARRAY,
    absolute=FLAG,
    device=DEVICE,
)
def verify(
    matching: Matching | PartialMatching,
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
    place = resolve_device(device) if device is not None else left.device
    x, y = _unit_rows(left.to(place)), _unit_rows(right.to(place))
    if isinstance(matching, PartialMatching):
        return _verify_partial(matching, x, y, absolute)
    return _verify_whole(matching, x, y, absolute)


def _verify_whole(
    matching: Matching, x: Float64[Tensor, "n_a d"], y: Float64[Tensor, "n_b d"], absolute: bool
) -> Verification:
    if not _is_assignment(matching, min(matching.n_a, matching.n_b)):
        return Verification(("the pairs are not a one-to-one assignment",), np.nan, np.nan)
    similarity = _similarity_of_pairs(matching, x, y, absolute)
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
    return _verification(claims, total, bound)


def _verify_partial(
    matching: PartialMatching,
    x: Float64[Tensor, "n_a d"],
    y: Float64[Tensor, "n_b d"],
    absolute: bool,
) -> Verification:
    if not _is_assignment(matching, matching.n_pairs):
        return Verification(("the pairs are not one-to-one",), np.nan, np.nan)
    similarity, price = _similarity_of_pairs(matching, x, y, absolute), matching.price
    u, v = matching.u, matching.v
    least = np.maximum(_least_potentials(x, y, v, absolute) - price, 0.0)
    gain, bound = float((similarity - price).sum()), float(least.sum() + v.sum())
    allowed = TOLERANCE * min(matching.n_a, matching.n_b)
    claims = {
        "the similarities are not those of the rows": np.allclose(
            similarity, matching.similarity, rtol=0, atol=TOLERANCE
        ),
        "the gain is not the sum of what the similarities exceed the price by": abs(
            gain - matching.gain
        )
        <= allowed,
        "a potential is negative": u.min() >= 0 and v.min() >= 0,
        "a gain exceeds the sum of its potentials": np.all(least <= u + TOLERANCE),
        "the upper bound is not the sum of the potentials": abs(
            u.sum() + v.sum() - matching.upper_bound
        )
        <= allowed,
        "the gap does not certify the gain": not matching.certified or bound - gain <= allowed,
    }
    return _verification(claims, gain, bound)


def _verification(claims: Mapping[str, bool | np.bool], total: float, bound: float) -> Verification:
    return Verification(tuple(claim for claim, holds in claims.items() if not holds), total, bound)


def _similarity_of_pairs(
    matching: Matching | PartialMatching,
    x: Float64[Tensor, "n_a d"],
    y: Float64[Tensor, "n_b d"],
    absolute: bool,
) -> Float64[np.ndarray, " n_pairs"]:
    pairs = (x[matching.a] * y[matching.b]).sum(dim=1)
    return np.asarray((pairs.abs() if absolute else pairs).cpu().numpy())


def _is_assignment(matching: Matching | PartialMatching, n_pairs: int) -> bool:
    """Whether there are so many pairs, one to one, of latents that exist, those of a ascending."""
    a, b = matching.a, matching.b
    return bool(
        a.shape == b.shape == (n_pairs,)
        and np.all(np.diff(a) > 0)
        and np.unique(b).shape == (n_pairs,)
        and np.all((a >= 0) & (a < matching.n_a))
        and np.all((b >= 0) & (b < matching.n_b))
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
