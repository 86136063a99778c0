"""Families: latents of different runs that are the same feature."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np
from jaxtyping import Bool, Int64
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from universality.runs.partner_table import PartnerTable


@final
@dataclass(frozen=True, eq=False)
class Partition:
    """Which family each latent belongs to; a family has at least two members, one per run."""

    family: Int64[np.ndarray, " n_latents"]
    """Family of each latent; -1 for none."""
    strict: Bool[np.ndarray, " n_families"]
    """Whether a family is strict; the others were resolved by the soft heuristic."""

    @property
    def n_families(self) -> int:
        """Number of families."""
        return len(self.strict)

    @property
    def size(self) -> Int64[np.ndarray, " n_families"]:
        """Number of members of each family."""
        members = self.family[self.family >= 0]
        return np.asarray(np.bincount(members, minlength=self.n_families))


def components(edges: PartnerTable) -> Int64[np.ndarray, " n_latents"]:
    """Number of the connected component of each latent."""
    n = len(edges.alive)
    rows, runs = np.nonzero(edges.partner >= 0)
    graph = coo_array((np.ones(len(rows), dtype=bool), (rows, edges.partner[rows, runs])), (n, n))
    return np.asarray(connected_components(graph, directed=False)[1], dtype=np.int64)


def strict_families(edges: PartnerTable) -> Partition:
    """Connected components with one latent per run at most, in which every matched pair is joined.

    Runs that have no member, and pairs of runs that were never matched, do not break a family.
    Linear in the number of edges.
    """
    component = components(edges)
    whole = _is_strict(edges, component)
    _, family = np.unique(np.where(whole[component], component, -1), return_inverse=True)
    family = family - (0 if whole[component].all() else 1)
    return Partition(family=family, strict=np.ones(int(family.max(initial=-1)) + 1, dtype=bool))


def strict_part(partition: Partition) -> Partition:
    """The strict families alone, under their numbers."""
    strict_only = np.append(partition.strict, False)[partition.family]
    return Partition(np.where(strict_only, partition.family, -1), partition.strict)


def in_all_runs_fraction(partition: Partition, edges: PartnerTable) -> float:
    """Mean over runs of the fraction of living latents in a family with a member in every run."""
    everywhere = np.append(partition.size == edges.n_runs, False)[partition.family]
    fractions = [
        everywhere[edges.rows(run)].sum() / max(1, int(edges.alive[edges.rows(run)].sum()))
        for run in range(edges.n_runs)
    ]
    return float(np.mean(fractions))


def _is_strict(
    edges: PartnerTable, component: Int64[np.ndarray, " n_latents"]
) -> Bool[np.ndarray, " n_components"]:
    """Whether each component of two or more latents is a strict family.

    A component has one latent per run at most and all its edges exactly when every latent has as
    many edges as the component has members in runs matched with its own.
    """
    n_components = int(component.max()) + 1
    members = np.zeros((n_components, edges.n_runs), dtype=np.int64)
    np.add.at(members, (component, edges.run_of), 1)
    expected = (members > 0)[component] & edges.available[edges.run_of]
    joined = (expected == (edges.partner >= 0)).all(axis=1)
    one_each = (members <= 1).all(axis=1) & (members.sum(axis=1) >= 2)
    return np.asarray(one_each & (np.bincount(component[~joined], minlength=n_components) == 0))
