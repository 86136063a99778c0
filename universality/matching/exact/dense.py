"""The optimal assignment of a matrix that fits in memory, with its potentials."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float64

from universality.matching.exact.solution import Solution

_SLACK = 1e-13


def solve_dense(
    similarity: Float64[np.ndarray, "n_few n_many"],
) -> Solution:
    """The best assignment of rows to columns.

    Rows are the smaller side. Potentials of columns are the least non-negative ones: v_j is the
    longest path to j in the graph with an arc from the column of row i to j, of length s_ij minus
    the similarity of row i with its own column.
    """
    from scipy.optimize import linear_sum_assignment  # which large problems do without

    columns = linear_sum_assignment(similarity, maximize=True)[1].astype(np.int64)
    own = np.take_along_axis(similarity, columns[:, None], axis=1)[:, 0]
    v = np.zeros(similarity.shape[1])
    active = np.arange(similarity.shape[0])
    while active.size:
        reach = (similarity[active] + (v[columns[active]] - own[active])[:, None]).max(axis=0)
        rising = reach > v + _SLACK
        v[rising] = reach[rising]
        active = np.flatnonzero(rising[columns])
    return Solution(columns, (similarity - v).max(axis=1), v)
