"""How close the latents of one run are to each other."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import final

import numpy as np
import torch
from jaxtyping import Float64

from universality.errors import InvalidInputError
from universality.matching.assignment import assign
from universality.matching.candidates import find_candidates
from universality.matching.neighbours import Neighbours
from universality.matching.result import Matching
from universality.matching.tiling import Tiling
from universality.similarity import Others, Similarity

NEAR = 5
"""How many of the nearest others of each latent are kept: what any question about a run asks."""


@final
@dataclass(frozen=True, eq=False)
class Within:
    """How the latents of one run match each other, none of them itself."""

    near: Neighbours
    """The nearest other latents of the run, five of each where there are so many."""
    matching: Matching
    """The one-to-one assignment of all latents to others with the largest total. That i has the
    partner j does not mean that j has the partner i."""

    @property
    def nearest_similarity(self) -> Float64[np.ndarray, " n"]:
        """Similarity of each latent to the nearest other latent of the run."""
        return self.near.nearest_similarity


def match_within(
    similarity: Similarity,
    *,
    time_limit: float | None = None,
    progress: bool = True,
    tiling: Tiling | None = None,
) -> Within:
    """The latents of one run matched to each other like those of two runs, proven optimal.

    What two *different* latents reach: a floor under what the same latent of two runs should.

    Args:
        similarity: Of a run with itself, between -1 and 1.
        time_limit: Seconds after which the best assignment so far is returned with its true gap.
        progress: Show a bar on stderr when that is a terminal.
        tiling: How the work is cut.

    Raises:
        InvalidInputError: the sides differ in number, or there is one latent alone.
    """
    others = Others(similarity)
    if others.shape[0] < 2:
        raise InvalidInputError("a run of one latent has no other latents to match it to")
    k = min(NEAR, others.shape[0] - 1)
    candidates = find_candidates(others, k=k, progress=progress, tiling=tiling)
    matching = assign(
        others, candidates=candidates, time_limit=time_limit, progress=progress, tiling=tiling
    )
    return Within(candidates.of_a, _freed(matching, others))


def _freed(matching: Matching, others: Others) -> Matching:
    """The same, but that latents which time left with themselves exchange their partners."""
    b = matching.b.copy()
    alone = np.flatnonzero(b == matching.a)
    if not alone.size:
        return matching
    if alone.size == 1:
        alone = np.append(alone, (alone[0] + 1) % b.size)
    b[alone] = np.roll(b[alone], 1)
    similarity = others.at(*(torch.from_numpy(k).to(others.device) for k in (matching.a, b)))
    values = similarity.cpu().numpy()
    return replace(matching, b=b, similarity=values, total=float(values.sum()))
