"""Assignments between many runs in one view, and the edges that a threshold leaves of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias, final

import numpy as np
from jaxtyping import Bool, Float64, Int64

from universality.errors import InvalidInputError
from universality.results.grades import ROUNDING
from universality.runs.views import BOTH


@final
@dataclass(frozen=True, eq=False)
class Link:
    """The assignment between two runs."""

    a: Int64[np.ndarray, " n_pairs"]
    """Latents of the first run, each at most once."""
    b: Int64[np.ndarray, " n_pairs"]
    """Their partners in the second run, each at most once."""
    similarity: Float64[np.ndarray, " n_pairs"] | None = None
    """Similarity of each pair; None when only the assignment is known."""
    gap: float | None = None
    """How far the total may lie below the optimum; None when only the assignment is known."""


Links: TypeAlias = Mapping[tuple[int, int], Link]
"""Assignments by the numbers of two runs, the first lower than the second."""


@final
@dataclass(frozen=True, eq=False)
class PartnerTable:
    """Who is whose partner in every run, the latents of all runs stacked run after run."""

    runs: tuple[str, ...]
    """Names of the runs."""
    sizes: tuple[int, ...]
    """Number of latents of each run."""
    alive: Bool[np.ndarray, " n_latents"]
    """Which latents take part; only they count in denominators."""
    partner: Int64[np.ndarray, "n_latents n_runs"]
    """Stacked number of the partner in each run; -1 for none, in the own run too."""
    similarity: Float64[np.ndarray, "n_latents n_runs"] | None
    """Similarity to each partner, NaN for none; None when only assignments are known."""
    available: Bool[np.ndarray, "n_runs n_runs"]
    """Which pairs of runs have been matched; symmetric, False on the diagonal."""
    gap: Float64[np.ndarray, "n_runs n_runs"]
    """How far each total may lie below the optimum; symmetric, NaN where that is unknown."""

    @property
    def n_runs(self) -> int:
        """Number of runs."""
        return len(self.runs)

    @property
    def starts(self) -> Int64[np.ndarray, " n_runs"]:
        """Stacked number of the first latent of each run."""
        return np.concatenate([[0], np.cumsum(self.sizes)[:-1]]).astype(np.int64)

    @property
    def run_of(self) -> Int64[np.ndarray, " n_latents"]:
        """Number of the run of each latent."""
        return np.repeat(np.arange(self.n_runs), self.sizes)

    @property
    def number_in_run(self) -> Int64[np.ndarray, " n_latents"]:
        """Each latent's own number in its run."""
        return np.asarray(np.arange(len(self.alive)) - self.starts[self.run_of])

    @property
    def complete(self) -> Int64[np.ndarray, " n_complete"]:
        """Numbers of the runs that are matched with every other run."""
        return np.flatnonzero(self.available.sum(axis=1) == self.n_runs - 1)

    @property
    def missing(self) -> list[tuple[str, str]]:
        """Names of the pairs of runs that have not been matched."""
        absent = np.argwhere(np.triu(~self.available, k=1))
        return [(self.runs[i], self.runs[j]) for i, j in absent]

    def rows(self, run: int) -> slice:
        """The stacked numbers of the latents of a run."""
        start = int(self.starts[run])
        return slice(start, start + self.sizes[run])


def stack(
    runs: Sequence[str],
    alive: Sequence[Bool[np.ndarray, " _"]],
    links: Links,
) -> PartnerTable:
    """The assignments of all pairs in one table.

    `alive` tells for each run which of its latents take part. Pairs of runs without a link count
    as not available.

    Raises:
        InvalidInputError: fewer than two runs, two of one name, or a link that does not fit: a
            latent that does not exist or appears twice.
    """
    _check_names(runs)
    sizes = tuple(len(mask) for mask in alive)
    starts = np.concatenate([[0], np.cumsum(sizes)])
    n, n_runs = int(starts[-1]), len(runs)
    partner = np.full((n, n_runs), -1, dtype=np.int64)
    similarity = np.full((n, n_runs), np.nan)
    available = np.zeros((n_runs, n_runs), dtype=bool)
    gap = np.full((n_runs, n_runs), np.nan)
    for (i, j), link in links.items():
        _check_link(link, (runs[i], runs[j]), (sizes[i], sizes[j]))
        a, b = link.a + starts[i], link.b + starts[j]
        partner[a, j], partner[b, i] = b, a
        if link.similarity is not None:
            similarity[a, j] = similarity[b, i] = link.similarity
        available[i, j] = available[j, i] = True
        gap[i, j] = gap[j, i] = np.nan if link.gap is None else link.gap
    known = all(link.similarity is not None for link in links.values())
    return PartnerTable(
        runs=tuple(runs),
        sizes=sizes,
        alive=np.concatenate(list(alive)),
        partner=partner,
        similarity=similarity if known else None,
        available=available,
        gap=gap,
    )


def reaching(matched: PartnerTable, threshold: float) -> PartnerTable:
    """Only the pairs whose similarity is at least the threshold (to 1e-9).

    Raises:
        InvalidInputError: only the assignments are known.
    """
    if matched.similarity is None:
        raise InvalidInputError("a threshold needs similarities; only the assignments are known")
    kept = matched.similarity >= threshold - ROUNDING
    return replace(
        matched,
        partner=np.where(kept, matched.partner, -1),
        similarity=np.where(kept, matched.similarity, np.nan),
    )


def agreeing(first: PartnerTable, second: PartnerTable) -> PartnerTable:
    """Only the pairs that two views have in common, with the lower of their similarities."""
    same = (first.partner >= 0) & (first.partner == second.partner)
    lower = None
    if first.similarity is not None and second.similarity is not None:
        lower = np.where(same, np.fmin(first.similarity, second.similarity), np.nan)
    return replace(
        first,
        partner=np.where(same, first.partner, -1),
        similarity=lower,
        available=first.available & second.available,
    )


def with_both(matched: Mapping[str, PartnerTable]) -> dict[str, PartnerTable]:
    """The rules by which a latent is found again: every view, and both views of directions."""
    rules = dict(matched)
    if {"decoder", "encoder"} <= set(matched):
        rules[BOTH] = agreeing(matched["decoder"], matched["encoder"])
    return rules


def among(matched: PartnerTable, runs: Sequence[int]) -> PartnerTable:
    """The same assignments among some of the runs, in the order given."""
    chosen = np.concatenate(
        [np.arange(matched.rows(run).start, matched.rows(run).stop) for run in runs]
    )
    renumbered = np.full(len(matched.alive) + 1, -1, dtype=np.int64)
    renumbered[chosen] = np.arange(len(chosen))
    columns = np.asarray(runs)
    cut = np.ix_(chosen, columns)
    return PartnerTable(
        runs=tuple(matched.runs[run] for run in runs),
        sizes=tuple(matched.sizes[run] for run in runs),
        alive=matched.alive[chosen],
        partner=renumbered[matched.partner[cut]],
        similarity=None if matched.similarity is None else matched.similarity[cut],
        available=matched.available[np.ix_(columns, columns)],
        gap=matched.gap[np.ix_(columns, columns)],
    )


def _check_names(runs: Sequence[str]) -> None:
    if len(runs) < 2:
        raise InvalidInputError(f"many-run statistics need at least two runs, got {len(runs)}")
    twice = sorted({name for name in runs if list(runs).count(name) > 1})
    if twice:
        raise InvalidInputError(f"two runs have the name {twice[0]!r}; give each its own")


def _check_link(link: Link, names: tuple[str, str], sizes: tuple[int, int]) -> None:
    for latents, name, size in zip((link.a, link.b), names, sizes, strict=True):
        where = f"the assignment {names[0]}-{names[1]}"
        if latents.size and not (latents.min() >= 0 and latents.max() < size):
            raise InvalidInputError(
                f"{where} names latent {latents.max() if latents.min() >= 0 else latents.min()} "
                f"of {name}, which has {size} latents"
            )
        if len(np.unique(latents)) != len(latents):
            values, counts = np.unique(latents, return_counts=True)
            raise InvalidInputError(
                f"{where} is not one-to-one: latent {values[counts > 1][0]} of {name} appears twice"
            )
