"""Runs as the published rules read them: nearest latents and assignments, each worked out once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import TypeAlias, final

import numpy as np
import torch
from jaxtyping import Float64

from universality.matching import Candidates, Matching, assign, find_candidates
from universality.runs.part import RunPart
from universality.runs.views import ACTIVATIONS, Traits
from universality.similarity import Cosine, Similarity
from universality.similarity.code_similarity import CodeSimilarity

_Asked: TypeAlias = tuple[int, int, str, bool]


@final
@dataclass(frozen=True, eq=False)
class RuleReading:
    """One number that a rule gives."""

    quantity: str
    """What it is."""
    value: float
    """As the paper states it: a share, a mean cosine, a correlation."""
    n: int
    """Over how many latents or pairs of latents it is a mean."""
    undefined: str = ""
    """Why there is no value (NaN); empty where there is one."""


@final
@dataclass(frozen=True, eq=False)
class ComparedRuns:
    """Two runs or more that rules are applied to, or draws that stand for them."""

    runs: tuple[Traits, ...]
    """What is compared of each, the latents that take part."""
    device: torch.device
    """Where products are computed."""
    parts: tuple[RunPart, ...] = ()
    """The runs themselves; none where draws stand for them."""
    _candidates: dict[_Asked, Candidates] = field(default_factory=dict, repr=False)
    _matchings: dict[_Asked, Matching] = field(default_factory=dict, repr=False)

    @property
    def pairs(self) -> Iterator[tuple[int, int]]:
        """Numbers of every two runs, the earlier first."""
        return combinations(range(len(self.runs)), 2)

    def nearest(
        self, i: int, j: int, view: str, *, absolute: bool = False
    ) -> Float64[np.ndarray, " n_i"]:
        """Similarity of each latent of run i to the most similar of run j."""
        if i < j:
            return self.candidates(i, j, view, absolute=absolute).of_a.nearest_similarity
        return self.candidates(j, i, view, absolute=absolute).of_b.nearest_similarity

    def candidates(self, i: int, j: int, view: str, *, absolute: bool = False) -> Candidates:
        """The most similar latents of runs i and j, i below j."""
        asked = i, j, view, absolute
        if asked not in self._candidates:
            similarity = self._similarity(*asked)
            self._candidates[asked] = find_candidates(similarity, progress=False)
        return self._candidates[asked]

    def matching(self, i: int, j: int, view: str, *, absolute: bool = False) -> Matching:
        """The best one-to-one assignment of runs i and j, i below j."""
        asked = i, j, view, absolute
        if asked not in self._matchings:
            self._matchings[asked] = assign(
                self._similarity(*asked),
                candidates=self.candidates(i, j, view, absolute=absolute),
                progress=False,
            )
        return self._matchings[asked]

    def _similarity(self, i: int, j: int, view: str, absolute: bool) -> Similarity:
        a, b = self.runs[i], self.runs[j]
        if view == ACTIVATIONS:
            assert a.codes is not None
            assert b.codes is not None
            return CodeSimilarity.between(
                a.codes, b.codes, "pearson", absolute=absolute, progress=False
            )
        rows = a.directions[view], b.directions[view]
        return Cosine.between(*rows, absolute=absolute, device=self.device)


def mean_reading(quantity: str, values: Sequence[np.ndarray]) -> RuleReading:
    """The mean over pairs of runs of the means within each."""
    means = [float(np.mean(one)) for one in values]
    return RuleReading(quantity, float(np.mean(means)), sum(int(one.size) for one in values))
