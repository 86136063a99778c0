"""A whole assignment out of what is known when time is over: greedy, not optimal."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float64, Int64


def complete(
    partner: Int64[np.ndarray, " n_a"],
    a: Int64[np.ndarray, " n_pairs"],
    b: Int64[np.ndarray, " n_pairs"],
    *,
    value: Float64[np.ndarray, " n_pairs"],
    n_b: int,
) -> Int64[np.ndarray, " n_a"]:
    """The partial assignment (-1: none yet) with a partner for all of a; n_a <= n_b.

    The closest listed pair of two latents that are both free comes first, and so on; what no
    listed pair reaches gets any latent of b that is left.
    """
    partner = partner.copy()
    order = np.argsort(-value, kind="stable")
    a, b = a[order], b[order]
    taken = np.zeros(n_b, dtype=bool)
    taken[partner[partner >= 0]] = True
    while True:
        still = (partner[a] < 0) & ~taken[b]
        a, b = a[still], b[still]
        if not len(a):
            break
        closest = (_first(a, len(partner)) == np.arange(len(a))) & (
            _first(b, n_b) == np.arange(len(b))
        )
        partner[a[closest]] = b[closest]
        taken[b[closest]] = True
    left = np.flatnonzero(partner < 0)
    partner[left] = np.flatnonzero(~taken)[: len(left)]
    return partner


def _first(latent: Int64[np.ndarray, " n_pairs"], n: int) -> Int64[np.ndarray, " n_pairs"]:
    """For each pair, the position of the first pair of its latent."""
    first = np.zeros(n, dtype=np.int64)
    first[latent[::-1]] = np.arange(len(latent))[::-1]
    return np.asarray(first[latent])
