"""Blocks of latents of two runs that may belong together, from the sparse graph of candidates.

The closest few of every latent, both ways, are the edges of a graph. From the closest pair on,
edges join what they meet, as in Kruskal's algorithm, and every set that comes about is a block that
may be looked at: at most `most` latents of either run, so that no chain of neighbours swallows the
rest. Assigned pairs that count as the same latent are one node of the graph: they may stand in a
block as what both runs know already, which absorbed latents need.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias, final

import numpy as np
from jaxtyping import Int64

from universality.matching.neighbours import Neighbours

_STEPS_PER_UNIT = 2.0**40

Pairs: TypeAlias = tuple[Int64[np.ndarray, " n_pairs"], Int64[np.ndarray, " n_pairs"]]
"""Latents of a, and the partner of each in b."""


@final
@dataclass(frozen=True)
class BlockMembers:
    """The latents of a block."""

    a: tuple[int, ...]
    """Latents of a without a partner that is the same."""
    b: tuple[int, ...]
    """Latents of b without one."""
    pairs: tuple[int, ...]
    """Pairs that are the same latent, by their place in the list of pairs."""

    def joined(self, other: BlockMembers) -> BlockMembers:
        """The latents of both."""
        return BlockMembers(self.a + other.a, self.b + other.b, self.pairs + other.pairs)

    def fits(self, most: int) -> bool:
        """Whether neither run has more latents in it than that."""
        return max(len(self.a), len(self.b)) + len(self.pairs) <= most

    @property
    def is_block(self) -> bool:
        """Whether it has latents to explain in both runs, and is more than a pair."""
        n = len(self.a) + len(self.b) + len(self.pairs)
        return bool(self.a) and bool(self.b) and n > 2


def grow_blocks(
    of_a: Neighbours, of_b: Neighbours, same: Pairs, *, most: int
) -> list[BlockMembers]:
    """Every block that comes about when the candidates' edges join latents, closest first.

    Blocks lie within each other or apart. O(n k log n).

    Args:
        of_a: The closest of b, for each latent of a.
        of_b: The closest of a, for each latent of b.
        same: Assigned pairs that count as the same latent.
        most: How many latents of either run a block may have.
    """
    n_a, n_b = len(of_a.index), len(of_b.index)
    members = _alone(n_a, n_b, same)
    root = list(range(n_a + n_b))
    for a, b in zip(*(side.tolist() for side in same), strict=True):
        root[n_a + b] = a
    taken = np.zeros(n_a + n_b, dtype=bool)
    taken[same[0]] = taken[n_a + same[1]] = True
    blocks = []
    for a, b in _edges(of_a, of_b):
        if taken[a] and taken[n_a + b]:
            continue
        first, second = _find(root, a), _find(root, n_a + b)
        joined = members[first].joined(members[second])
        if first != second and joined.fits(most):
            root[second], members[first] = first, joined
            if joined.is_block:
                blocks.append(joined)
    return blocks


def _alone(n_a: int, n_b: int, same: Pairs) -> list[BlockMembers]:
    """By the number of a node: a latent of a, then of b; a pair stands under its latent of a."""
    members = [BlockMembers((a,), (), ()) for a in range(n_a)]
    members += [BlockMembers((), (b,), ()) for b in range(n_b)]
    for number, a in enumerate(same[0].tolist()):
        members[a] = BlockMembers((), (), (number,))
    return members


def _edges(of_a: Neighbours, of_b: Neighbours) -> Iterator[tuple[int, int]]:
    """The candidate pairs of both sides, each once, closest first and then by their numbers."""
    a = np.concatenate([_repeated(of_a), of_b.index.ravel()])
    b = np.concatenate([of_a.index.ravel(), _repeated(of_b)])
    similarity = np.concatenate([of_a.similarity.ravel(), of_b.similarity.ravel()])
    there = np.flatnonzero((a >= 0) & (b >= 0))
    _, first = np.unique(a[there] * len(of_b.index) + b[there], return_index=True)
    once = there[first]
    order = np.lexsort((b[once], a[once], -np.round(similarity[once] * _STEPS_PER_UNIT)))
    yield from zip(a[once][order].tolist(), b[once][order].tolist(), strict=True)


def _repeated(near: Neighbours) -> Int64[np.ndarray, " n_edges"]:
    return np.repeat(np.arange(near.index.shape[0]), near.index.shape[1])


def _find(root: list[int], node: int) -> int:
    while root[node] != node:
        root[node] = root[root[node]]
        node = root[node]
    return node
