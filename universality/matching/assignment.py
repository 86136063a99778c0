"""The best one-to-one assignment of the latents of two runs, with proof."""

from __future__ import annotations

import numpy as np
import torch

from universality.compute.watch import Watch
from universality.errors import InvalidInputError
from universality.matching.candidates import Candidates
from universality.matching.exact.dense import solve_dense
from universality.matching.exact.listed import ListedPairs
from universality.matching.exact.screening import screen
from universality.matching.exact.search import search
from universality.matching.exact.solution import Solution
from universality.matching.foreign import at_unit_scale, is_ours, rescaled
from universality.matching.result import TOLERANCE, Matching
from universality.matching.tiling import Tiling
from universality.shapes import ARRAY, ArrayLike, as_matrix
from universality.similarity import Cosine, Similarity, Transposed
from universality.validation import DEVICE, FLAG, SECONDS, takes


@takes(a=ARRAY, b=ARRAY, absolute=FLAG, device=DEVICE, time_limit=SECONDS, progress=FLAG)
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

    Looks at every pair about once, in bounded memory; the full matrix never exists.

    Args:
        a: Rows of the first run, any floating dtype and scale; zero rows have cosine 0.
        b: Rows of the second run, of the same width.
        absolute: Ignore the sign of the cosines.
        device: Where to compute; where `a` lies if None.
        time_limit: Seconds after which the best assignment so far is returned with its true gap.
        progress: Show a bar on stderr when that is a terminal.

    Raises:
        InvalidInputError: an argument does not fit, a matrix is malformed, the widths differ, or
            there is no such device.
    """
    tiling = Tiling()
    rows_a, rows_b = as_matrix(a, "a"), as_matrix(b, "b")
    small = max(len(rows_a), len(rows_b)) <= tiling.dense_below
    similarity = Cosine.between(
        rows_a, rows_b, absolute=absolute, device=device, precision=torch.float64 if small else None
    )
    return assign(similarity, time_limit=time_limit, progress=progress, tiling=tiling)


def assign(
    similarity: Similarity,
    *,
    candidates: Candidates | None = None,
    time_limit: float | None = None,
    progress: bool = True,
    tiling: Tiling | None = None,
) -> Matching:
    """The assignment with the largest total similarity, proven optimal.

    Similarities of any size are solved: what counts as equal, and as proven, is relative to the
    largest magnitude among them (for cosines and correlations, to 1). Those that are not of this
    package are looked at once more, to find it.

    Among assignments with exactly equal totals the choice is deterministic for one tiling, device
    and number of threads; the total does not depend on them.

    Args:
        similarity: Of the two runs.
        candidates: What `find_candidates` found on all latents; spares the pass over all pairs.
        time_limit: Seconds after which the best assignment so far is returned with its true gap.
        progress: Show a bar on stderr when that is a terminal.
        tiling: How the work is cut.

    Raises:
        InvalidInputError: the candidates are not of all latents of this similarity, or a similarity
            is NaN or infinite.
    """
    tiling = tiling if tiling is not None else Tiling()
    if candidates is not None:
        _complete(candidates, similarity)
    if is_ours(similarity):
        return _solved(similarity, candidates, tiling, time_limit=time_limit, progress=progress)
    # Candidates are in units that tolerances are not made for: they are found anew.
    unit = at_unit_scale(similarity, tiling)
    solved = _solved(unit, None, tiling, time_limit=time_limit, progress=progress)
    return rescaled(solved, unit.scale)


def _solved(
    similarity: Similarity,
    candidates: Candidates | None,
    tiling: Tiling,
    *,
    time_limit: float | None,
    progress: bool,
) -> Matching:
    with Watch(time_limit=time_limit, progress=progress) as watch:
        if max(similarity.shape) <= tiling.dense_below:
            found = _solve_whole(similarity)
        else:
            found = _solve_sparse(similarity, candidates, tiling, watch)
    return _matching(similarity, found)


def _solve_whole(similarity: Similarity) -> Solution:
    n_a, n_b = similarity.shape
    everything = slice(None)
    values = similarity.block(everything, everything, fine=True)[0].cpu().numpy()
    return solve_dense(values if n_a <= n_b else values.T)


def _solve_sparse(
    similarity: Similarity, candidates: Candidates | None, tiling: Tiling, watch: Watch
) -> Solution:
    n_a, n_b = similarity.shape
    if candidates is None:
        listed = screen(similarity, range(n_a), tiling=tiling, watch=watch)
    else:
        listed = _complete(candidates, similarity)
    if n_a > n_b:
        similarity, listed = Transposed(similarity), listed.transposed()
    return search(similarity, listed, tiling=tiling, watch=watch)


def _complete(candidates: Candidates, similarity: Similarity) -> ListedPairs:
    found = candidates.stop, candidates.of_b.index.shape[0]
    if candidates.start != 0 or found != similarity.shape:
        raise InvalidInputError(
            "candidates must cover every pair of the similarity, whose shape is "
            f"{similarity.shape}; these cover latents {candidates.start} to {candidates.stop} "
            f"of a and {found[1]} of b"
        )
    return candidates.listed


def _matching(similarity: Similarity, found: Solution) -> Matching:
    n_a, n_b = similarity.shape
    a, b, u, v = np.arange(min(n_a, n_b)), found.partner, found.u, found.v
    if n_a > n_b:
        order = np.argsort(b)
        a, b, u, v = b[order], a[order], v, u
    device = similarity.device
    exact = similarity.at(torch.from_numpy(a).to(device), torch.from_numpy(b).to(device))
    values = exact.cpu().numpy()
    total, upper_bound = float(values.sum()), float(u.sum() + v.sum())
    return Matching(
        a=a,
        b=b,
        similarity=values,
        total=total,
        upper_bound=upper_bound,
        certified=upper_bound - total <= TOLERANCE * len(a),
        rounds=found.rounds,
        u=u,
        v=v,
    )
