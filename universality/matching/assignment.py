"""The best one-to-one assignment of the latents of two runs, with proof."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float64, Int64

from universality.matching.dense import solve_dense
from universality.matching.result import TOLERANCE, Matching
from universality.shapes import ArrayLike
from universality.similarity import Cosine, Similarity


def match(
    a: ArrayLike,
    b: ArrayLike,
    *,
    absolute: bool = False,
    device: torch.device | str | None = None,
    time_limit: float | None = None,
    progress: bool = True,
) -> Matching:
    """The assignment of rows of a to rows of b with the largest total cosine, proven optimal.

    Args:
        a: Rows of the first run, any floating dtype and scale; zero rows have cosine 0.
        b: Rows of the second run, of the same width.
        absolute: Ignore the sign of the cosines.
        device: Where to compute; where `a` lies if None.
        time_limit: Seconds after which the best assignment so far is returned with its true gap.
        progress: Show a bar on stderr when that is a terminal.

    Raises:
        InvalidInputError: a matrix is malformed, or the widths differ.
    """
    similarity = Cosine.between(a, b, absolute=absolute, device=device, precision=torch.float64)
    return assign(similarity, time_limit=time_limit, progress=progress)


def assign(
    similarity: Similarity, *, time_limit: float | None = None, progress: bool = True
) -> Matching:
    """The assignment with the largest total similarity, proven optimal."""
    values = similarity.block(slice(None), slice(None))[0].cpu().numpy()
    if values.shape[0] <= values.shape[1]:
        b, u, v = solve_dense(values)
        a = np.arange(b.shape[0])
    else:
        a, v, u = solve_dense(values.T)
        b = np.arange(a.shape[0])
    return assemble(similarity, a, b, u, v, rounds=1)


def assemble(
    similarity: Similarity,
    a: Int64[np.ndarray, " n_pairs"],
    b: Int64[np.ndarray, " n_pairs"],
    u: Float64[np.ndarray, " n_a"],
    v: Float64[np.ndarray, " n_b"],
    *,
    rounds: int,
) -> Matching:
    """The result for pairs and potentials that bound every similarity."""
    order = np.argsort(a)
    a, b = a[order], b[order]
    device = similarity.device
    values = similarity.at(torch.from_numpy(a).to(device), torch.from_numpy(b).to(device))
    exact = values.cpu().numpy()
    total, upper_bound = float(exact.sum()), float(u.sum() + v.sum())
    return Matching(
        a=a,
        b=b,
        similarity=exact,
        total=total,
        upper_bound=upper_bound,
        certified=upper_bound - total <= TOLERANCE * max(1, a.shape[0]),
        rounds=rounds,
        u=u,
        v=v,
    )
