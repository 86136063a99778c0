"""Families where strict ones fail: components that hold two latents of a run or miss an edge.

A heuristic, named so: edges join clusters in the order of their *support*, the total similarity of
an edge and of the triangles it closes, as long as a cluster keeps one latent per run. A wrong edge
closes no triangles and comes last; of two latents of one run the one that more runs agree on is
kept. Where only assignments are known, an edge must close a triangle to count at all: every latent
has a partner everywhere, and random assignments would be full of families. Ties go by content (the
latents' rows, and where they stand in the graph), so the order of runs and of latents changes
nothing but what nothing tells apart.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Int64, UInt64

from universality.recurrence.families.partition import Partition, strict_families
from universality.runs.partner_table import PartnerTable

_ONE = 1 << 40
_REFINEMENTS = 3
_FACTORS = (0xBF58476D1CE4E5B9, 0x94D049BB133111EB)


def soft_families(
    edges: PartnerTable, content: UInt64[np.ndarray, " n_latents"] | None = None
) -> Partition:
    """The strict families, and the best ones to be made of the latents that are left.

    `content` is a hash of what each latent is, for ties; without it only its place in the graph
    counts. Families come largest first, then by total similarity. O(edges x runs).
    """
    strict = strict_families(edges)
    weight = _integer_weights(edges)
    keys = _refined(edges, weight, content)
    family = strict.family.copy()
    left = np.flatnonzero((family < 0) & (edges.partner >= 0).any(axis=1))
    clusters = _clusters(edges, weight, keys, left)
    family[clusters >= 0] = clusters[clusters >= 0] + strict.n_families
    n_families = int(family.max(initial=-1)) + 1
    is_strict = np.arange(n_families) < strict.n_families
    return _ordered(Partition(family, is_strict), edges, weight, keys)


def content_of(*views: np.ndarray) -> UInt64[np.ndarray, " n"]:
    """A hash of each row's bytes, over all the matrices given (same latents, one row each)."""
    total = np.zeros(len(views[0]), dtype=np.uint64)
    for rows in views:
        bits = np.ascontiguousarray(rows, dtype=np.float32).view(np.uint32).astype(np.uint64)
        for column in range(bits.shape[1]):
            total = _mixed(total + bits[:, column])
    return total


def _integer_weights(edges: PartnerTable) -> Int64[np.ndarray, "n_latents n_runs"]:
    """Similarities as integers, whose sums do not depend on the order of summation."""
    if edges.similarity is None:
        return np.where(edges.partner >= 0, _ONE, 0)
    return np.asarray(np.rint(np.nan_to_num(edges.similarity) * _ONE).astype(np.int64))


def _mixed(values: UInt64[np.ndarray, "..."]) -> UInt64[np.ndarray, "..."]:
    for factor in _FACTORS:
        values = (values ^ (values >> np.uint64(31))) * np.uint64(factor)
    return np.asarray(values ^ (values >> np.uint64(29)))


def _refined(
    edges: PartnerTable,
    weight: Int64[np.ndarray, "n_latents n_runs"],
    content: UInt64[np.ndarray, " n_latents"] | None,
) -> UInt64[np.ndarray, " n_latents"]:
    """A hash of each latent and of its neighbourhood in the graph, blind to all numbering."""
    keys = np.zeros(len(edges.alive), dtype=np.uint64) if content is None else content
    for _ in range(_REFINEMENTS):
        around = np.zeros_like(keys)
        for run in range(edges.n_runs):
            partner = edges.partner[:, run]
            beyond = _mixed(keys[partner] ^ _mixed(weight[:, run].astype(np.uint64)))
            around += np.where(partner >= 0, beyond, np.uint64(0))
        keys = _mixed(keys + around)
    return keys


def _clusters(
    edges: PartnerTable,
    weight: Int64[np.ndarray, "n_latents n_runs"],
    keys: UInt64[np.ndarray, " n_latents"],
    latents: Int64[np.ndarray, " n_left"],
) -> Int64[np.ndarray, " n_latents"]:
    """Cluster of each of these latents, -1 for the others and for those that stay alone."""
    rows, runs = np.nonzero(edges.partner[latents] >= 0)
    u, v = latents[rows], edges.partner[latents[rows], runs]
    once = u < v
    u, v, runs = u[once], v[once], runs[once]
    triangles = _triangles(edges, weight, u, v)
    if edges.similarity is None:
        closed = triangles > 0
        u, v, runs, triangles = u[closed], v[closed], runs[closed], triangles[closed]
    support = weight[u, runs] + triangles
    first, second = np.minimum(keys[u], keys[v]), np.maximum(keys[u], keys[v])
    order = np.lexsort((second, first, -support))
    roots = _join(u[order].tolist(), v[order].tolist(), edges.run_of)
    _, cluster, size = np.unique(roots, return_inverse=True, return_counts=True)
    together = size[cluster] > 1
    numbers = np.full(len(roots), -1, dtype=np.int64)
    numbers[together] = np.unique(cluster[together], return_inverse=True)[1]
    return numbers


def _triangles(
    edges: PartnerTable,
    weight: Int64[np.ndarray, "n_latents n_runs"],
    u: Int64[np.ndarray, " n_edges"],
    v: Int64[np.ndarray, " n_edges"],
) -> Int64[np.ndarray, " n_edges"]:
    total = np.zeros(len(u), dtype=np.int64)
    for run in range(edges.n_runs):
        third = edges.partner[u, run]
        closed = (third >= 0) & (third == edges.partner[v, run])
        total += np.where(closed, np.minimum(weight[u, run], weight[v, run]), 0)
    return total


def _join(
    u: list[int], v: list[int], run_of: Int64[np.ndarray, " n_latents"]
) -> Int64[np.ndarray, " n_latents"]:
    """Root of each latent after joining along the edges in order, one latent per run at most."""
    parent = list(range(len(run_of)))
    runs = [1 << int(run) for run in run_of]

    def root(node: int) -> int:
        while parent[node] != node:
            parent[node] = parent[parent[node]]
            node = parent[node]
        return node

    for i, j in zip(u, v, strict=True):
        one, other = root(i), root(j)
        if one != other and not runs[one] & runs[other]:
            parent[other] = one
            runs[one] |= runs[other]
    return np.array([root(node) for node in range(len(parent))], dtype=np.int64)


def _ordered(
    partition: Partition,
    edges: PartnerTable,
    weight: Int64[np.ndarray, "n_latents n_runs"],
    keys: UInt64[np.ndarray, " n_latents"],
) -> Partition:
    """The same families, numbered largest first, then by total similarity, then by content."""
    member = partition.family >= 0
    family = partition.family[member]
    inside = partition.family[edges.partner[member]] == family[:, None]
    total = np.zeros(partition.n_families, dtype=np.int64)
    np.add.at(total, family, np.where(inside, weight[member], 0).sum(axis=1))
    content = np.zeros(partition.n_families, dtype=np.uint64)
    np.add.at(content, family, keys[member])
    order = np.lexsort((content, -total, -partition.size))
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    numbers = partition.family.copy()
    numbers[member] = rank[family]
    return Partition(numbers, partition.strict[order])
