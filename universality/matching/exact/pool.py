"""All pairs that have been looked at singly, and bounds on the similarity of all others."""

from __future__ import annotations

from typing import final

import numpy as np
import torch
from jaxtyping import Float64, Int64

from universality.matching.exact.graph import unmatched
from universality.matching.exact.listed import ListedPairs, kth_closest
from universality.matching.exact.solution import Solution
from universality.similarity import Similarity

_NEAR_PER_ROW = 8
"""Of the pairs near the potentials, at most so many join a restricted problem at a time."""


@final
class Pool:
    """Listed pairs, their similarity as far as it is known, and which the restricted problem is on.

    It grows while a matching is being found. `upper` holds the similarity of the pairs (`a`, `b`),
    or a bound on it where it is not yet known exactly. Every pair (i, j) that is not listed has a
    similarity of at most min(rest_a[i], rest_b[j], priced_a[i] + priced_b[j]). n_a <= n_b.
    """

    def __init__(self, similarity: Similarity, listed: ListedPairs, *, restricted: int) -> None:
        self.similarity = similarity
        self.rest_a, self.rest_b = listed.rest_a, listed.rest_b
        self.priced_a = np.full(listed.rest_a.shape[0], np.inf)
        self.priced_b = np.zeros(listed.rest_b.shape[0])
        self.a, self.b = listed.a, listed.b
        self._first_keys = listed.a * len(listed.rest_b) + listed.b
        self._later_keys = np.empty(0, dtype=np.int64)
        self.upper = listed.value.astype(np.float64) + listed.error
        self._exact = np.zeros(listed.a.shape[0], dtype=bool)
        self._chosen = np.zeros(listed.a.shape[0], dtype=bool)
        close_a = kth_closest(listed.a, listed.value, len(self.rest_a), restricted)
        close_b = kth_closest(listed.b, listed.value, len(self.rest_b), restricted)
        start = (listed.value >= close_a[listed.a]) | (listed.value >= close_b[listed.b])
        self._choose(np.flatnonzero(start))
        self._cover()

    @property
    def chosen(
        self,
    ) -> tuple[
        Int64[np.ndarray, " n_edges"],
        Int64[np.ndarray, " n_edges"],
        Float64[np.ndarray, " n_edges"],
    ]:
        """The pairs of the restricted problem: latents of a, of b, and their similarity."""
        return self.a[self._chosen], self.b[self._chosen], self.upper[self._chosen]

    def total(self, partner: Int64[np.ndarray, " n_a"]) -> float:
        """Total similarity of a whole assignment."""
        return float(self._similarity_of(np.arange(len(partner)), partner).sum())

    def price(self, solution: Solution, *, tolerance: float, near: float) -> int:
        """Number of listed pairs closer than the potentials allow.

        If there are any, they are now in the restricted problem, and with them all that come
        `near`: these keep the next potentials from moving where they would only be violated again.
        """
        violations = len(self._closer(solution, tolerance))
        if violations:
            excess = self._excess(solution)
            most = _NEAR_PER_ROW * len(self.rest_a)
            if np.count_nonzero(excess > -near) > most:  # ties: as many would join as are listed
                near = min(near, max(0.0, -float(-np.partition(-excess, most)[most])))
            self._chosen[self._closer(solution, -near)] = True
        return violations

    def extend(
        self,
        a: Int64[np.ndarray, " n_more"],
        b: Int64[np.ndarray, " n_more"],
        upper: Float64[np.ndarray, " n_more"],
    ) -> None:
        """List those of these pairs that are not yet listed; each has a bound on its similarity."""
        key = a * len(self.rest_b) + b
        place = np.searchsorted(self._first_keys, key)
        within = place < len(self._first_keys)
        new = ~np.isin(key, self._later_keys)
        new[within] &= self._first_keys[place[within]] != key[within]
        a, b, upper = a[new], b[new], upper[new]
        self._later_keys = np.concatenate([self._later_keys, key[new]])
        self.a, self.b = np.concatenate([self.a, a]), np.concatenate([self.b, b])
        self.upper = np.concatenate([self.upper, upper])
        more = np.zeros(a.shape[0], dtype=bool)
        self._exact = np.concatenate([self._exact, more])
        self._chosen = np.concatenate([self._chosen, more])

    def bound_by_prices(
        self, a: Float64[np.ndarray, " n_a"], b: Float64[np.ndarray, " n_b"]
    ) -> None:
        """No pair that is not listed is closer than a of its first and b of its second latent."""
        self.priced_a, self.priced_b = a, b

    def excess_of_rows(self, solution: Solution) -> Float64[np.ndarray, " n_a"]:
        """By how much a listed pair of each latent of a can exceed its potentials; at least 0."""
        excess = np.zeros(len(self.rest_a))
        np.maximum.at(excess, self.a, self._excess(solution))
        return excess

    def bound_of_rows(self, solution: Solution) -> Float64[np.ndarray, " n_a"]:
        """By how much a pair of each latent of a that is not listed can exceed its potentials.

        Coarse, in linear time.
        """
        by_row = self.rest_a - solution.v.min()
        by_column = float((self.rest_b - solution.v).max())
        by_price = self.priced_a + float((self.priced_b - solution.v).max())
        return np.asarray(np.minimum(np.minimum(by_row, by_price), by_column) - solution.u)

    def _closer(self, solution: Solution, excess: float) -> Int64[np.ndarray, " k"]:
        """Listed pairs whose similarity exceeds their potentials by more than this."""
        may = np.flatnonzero(self._excess(solution) > excess)
        self._evaluate(may[~self._exact[may]])
        return np.asarray(may[self._excess(solution, may) > excess])

    def _excess(
        self, solution: Solution, index: Int64[np.ndarray, " k"] | slice = slice(None)
    ) -> Float64[np.ndarray, " k"]:
        return np.asarray(self.upper[index] - solution.u[self.a[index]] - solution.v[self.b[index]])

    def _choose(self, index: Int64[np.ndarray, " k"]) -> None:
        self._evaluate(index)
        self._chosen[index] = True

    def _evaluate(self, index: Int64[np.ndarray, " k"]) -> None:
        self.upper[index] = self._similarity_of(self.a[index], self.b[index])
        self._exact[index] = True

    def _similarity_of(
        self, a: Int64[np.ndarray, " k"], b: Int64[np.ndarray, " k"]
    ) -> Float64[np.ndarray, " k"]:
        i, j = (torch.from_numpy(side).to(self.similarity.device) for side in (a, b))
        return np.asarray(self.similarity.at(i, j).cpu().numpy())

    def _cover(self) -> None:
        """Make sure that all of a can be assigned within the restricted problem."""
        a, b = self.a[self._chosen], self.b[self._chosen]
        rows, columns = unmatched(len(self.rest_b), a, b)
        left = np.flatnonzero(rows[: len(self.rest_a)])
        partners = np.flatnonzero(columns)[: len(left)]
        self.extend(left, partners, np.full(len(left), np.inf))
        key = left * len(self.rest_b) + partners
        self._choose(np.flatnonzero(np.isin(self.a * len(self.rest_b) + self.b, key)))
