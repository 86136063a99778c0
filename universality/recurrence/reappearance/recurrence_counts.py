"""In how many runs the latents of base runs are found, with all runs and without each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
from jaxtyping import Float64, Int64

from universality.recurrence.families.spectrum import n_runs_found
from universality.runs.partner_table import PartnerTable


@final
@dataclass(frozen=True, eq=False)
class LeftOut:
    """What the latents of the base runs do in a run that was left out."""

    run: int
    """The run that was left out, one of n; it is no base run."""
    counts: Int64[np.ndarray, " n_counts"]
    """Latents found in 1, 2, ... n - 1 of the other runs, their own counted."""
    found: Int64[np.ndarray, " n_counts"]
    """How many of each the run that was left out has."""


def found_counts(edges: PartnerTable) -> Int64[np.ndarray, " n_runs"]:
    """Living latents of base runs found in exactly 1, 2, ... n runs, over all base runs.

    Base runs are those that are matched with every other; a latent found in k runs has an assigned
    pair of its own in k - 1 others, whatever those say of each other.
    """
    found = n_runs_found(edges)[_of_base_runs(edges, edges.complete.tolist())]
    return np.bincount(found - 1, minlength=edges.n_runs)


def held_out(edges: PartnerTable) -> list[LeftOut]:
    """The same with each run left out in turn, and what that run has of them."""
    tables = []
    found = n_runs_found(edges)
    for run in range(edges.n_runs):
        latents = _of_base_runs(edges, [base for base in edges.complete.tolist() if base != run])
        there = edges.partner[latents, run] >= 0
        fewer = found[latents] - there
        counts = np.bincount(fewer - 1, minlength=edges.n_runs - 1)
        again = np.bincount(fewer[there] - 1, minlength=edges.n_runs - 1)
        tables.append(LeftOut(run, counts, again))
    return tables


def _of_base_runs(edges: PartnerTable, bases: Sequence[int]) -> np.ndarray:
    return np.flatnonzero(edges.alive & np.isin(edges.run_of, bases))


def pooled(tables: Sequence[LeftOut]) -> Float64[np.ndarray, " n_counts"]:
    """Share of the latents found in k of n - 1 runs that a further one has; NaN for none."""
    counts = np.sum([table.counts for table in tables], axis=0)
    found = np.sum([table.found for table in tables], axis=0)
    return np.where(counts > 0, found / np.maximum(counts, 1), np.nan)
