"""Groups: latents of two runs whose spans agree although no two of them do.

Two runs may cut the same content differently: turn a pair of directions in its plane, split one
latent into three, absorb one into another. A block of latents (see `block_growth`) is scored by the
largest principal angle between its two spans, beyond the pairs in it that are the same latent: how
near the other span every direction of the smaller span lies. Its score weighs that against chance
and search: minus the logarithm of how likely two random spans of these dimensions agree as well
(to leading order (1 - cos^2)^(k (d - l) / 2) for k and l dimensions, k <= l), less that of how many
such blocks there are to choose from. d is the number of dimensions that rows of these two runs act
as if they had, one over their mean squared cosine. The score ranks blocks of different sizes; how
surprising it is only draws of unrelated runs can say, searched in the same way.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
import torch
from jaxtyping import Float, Float64, Int64
from scipy.special import gammaln
from torch import Tensor
from torch.nn.functional import normalize

from universality.geometry.principal_angles import cosine_with_span, span_angles
from universality.matching.block_growth import BlockMembers, Pairs, grow_blocks
from universality.matching.candidates import find_candidates
from universality.similarity import Cosine

MOST_LATENTS = 8
"""How many latents of either run a group may have."""
_CANDIDATES = 8
_EXACT = 1e-12


@final
@dataclass(frozen=True, eq=False)
class Group:
    """Latents of two runs that together may span the same directions."""

    a: Int64[np.ndarray, " k_a"]
    """Latents of a that have no partner of their own."""
    b: Int64[np.ndarray, " k_b"]
    """Latents of b that have none."""
    pairs: Pairs
    """Pairs of the same latent that both spans are looked at beyond; often none."""
    cosine: float
    """Of the largest principal angle between the two spans."""
    score: float
    """How surprising that is, in nats; comparable among groups of two runs."""
    reach_a: Float64[np.ndarray, " k_a"]
    """Cosine of each latent of a with the span of the group's latents of b, pairs included."""
    reach_b: Float64[np.ndarray, " k_b"]
    """Of each latent of b with the span of a's."""


def find_groups(
    a: Float[Tensor, "n_a d"],
    b: Float[Tensor, "n_b d"],
    same: Pairs,
    *,
    most: int = MOST_LATENTS,
) -> list[Group]:
    """The groups of two runs, the most surprising first, no latent in two of them.

    Signs of directions mean nothing to a span, and are not looked at. One pass over all pairs for
    the candidates, then O(n most^2 d). Nothing is said of whether a group is above chance.

    Args:
        a: Directions of one run, where they are computed.
        b: Directions of the other, of the same width.
        same: Pairs that count as the same latent.
        most: How many latents of either run a group may have.
    """
    candidates = find_candidates(
        Cosine.between(a, b, absolute=True), k=min(_CANDIDATES, max(len(a), len(b))), progress=False
    )
    blocks = grow_blocks(candidates.of_a, candidates.of_b, same, most=most)
    rows = normalize(a.double(), dim=1), normalize(b.double(), dim=1)
    cosines, scores = _scored(rows, blocks, same)
    chosen = _apart(blocks, scores)
    return [_group(rows, blocks[n], same, float(cosines[n]), float(scores[n])) for n in chosen]


def _scored(
    rows: tuple[Tensor, Tensor], blocks: Sequence[BlockMembers], same: Pairs
) -> tuple[np.ndarray, np.ndarray]:
    """Cosine and score of every block; those of one shape are looked at together."""
    shapes: dict[tuple[int, int, int], list[int]] = {}
    for number, block in enumerate(blocks):
        shape = len(block.a), len(block.b), len(block.pairs)
        shapes.setdefault(shape, []).append(number)
    d = _effective_dimension(*rows)
    n_pairs = len(same[0])
    free = [len(one) - n_pairs for one in rows]
    cosines, scores = np.zeros(len(blocks)), np.full(len(blocks), -np.inf)
    for (k_a, k_b, n_given), numbers in shapes.items():
        some = [blocks[number] for number in numbers]
        ends = [_rows_of(some, same, side) for side in ("a", "b")]
        found = span_angles(rows[0][ends[0]], rows[1][ends[1]], n_given=n_given)
        room = (d - n_given - found.larger).clamp(min=1)
        missing = (1 - found.cosine.square()).clamp(min=_EXACT).log()
        searched = _choices(free[0], k_a) + _choices(free[1], k_b) + _choices(n_pairs, n_given)
        cosines[numbers] = found.cosine.cpu().numpy()
        scores[numbers] = (-found.smaller * room / 2 * missing).cpu().numpy() - searched
    return cosines, scores


def _rows_of(blocks: Sequence[BlockMembers], same: Pairs, side: str) -> Tensor:
    """Row numbers of blocks of one shape on one side, those of pairs first."""
    ends, own = (same[0], "a") if side == "a" else (same[1], "b")
    rows = [[*ends[list(block.pairs)].tolist(), *getattr(block, own)] for block in blocks]
    return torch.tensor(rows, dtype=torch.int64)


def _effective_dimension(a: Tensor, b: Tensor) -> float:
    """One over the mean squared cosine of a row of a with one of b, at least 1."""
    mean_square = float(((a.T @ a / len(a)) * (b.T @ b / len(b))).sum())
    return max(1.0, 1 / mean_square) if mean_square > 0 else float(a.shape[1])


def _choices(n: int, k: int) -> float:
    """Logarithm of the number of ways to choose k of n."""
    return float(gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1))


def _apart(blocks: Sequence[BlockMembers], scores: np.ndarray) -> list[int]:
    """The best block, the best of those that share no free latent with it, and so on."""
    seen: set[tuple[str, int]] = set()
    chosen = []
    for number in np.argsort(-scores, kind="stable").tolist():
        block = blocks[number]
        latents = {("a", one) for one in block.a} | {("b", one) for one in block.b}
        if not latents & seen:
            seen |= latents
            chosen.append(number)
    return chosen


def _group(
    rows: tuple[Tensor, Tensor], block: BlockMembers, same: Pairs, cosine: float, score: float
) -> Group:
    given = list(block.pairs)
    pairs = same[0][given], same[1][given]
    a, b = (np.array(sorted(one), dtype=np.int64) for one in (block.a, block.b))
    spans = [
        rows[k][torch.from_numpy(np.concatenate([pairs[k], own]))] for k, own in ((0, a), (1, b))
    ]
    return Group(
        a=a,
        b=b,
        pairs=pairs,
        cosine=cosine,
        score=score,
        reach_a=cosine_with_span(rows[0][torch.from_numpy(a)], spans[1]).cpu().numpy(),
        reach_b=cosine_with_span(rows[1][torch.from_numpy(b)], spans[0]).cpu().numpy(),
    )
