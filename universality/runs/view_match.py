"""How two runs match in one view: nearest latents both ways, and the certified assignment."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, assert_never, final

import numpy as np
from jaxtyping import Bool, Float64, Int64

from universality.compute.workers import side_by_side
from universality.matching import Matching, Neighbours, assign, find_candidates
from universality.runs.views import Similarities

Arrays: TypeAlias = Mapping[str, np.ndarray]

_MOST_PAIRS_AT_ONCE = 8192**2
_OF_MATCHING = ("a", "b", "similarity", "u", "v")
_NUMBERS = ("total", "upper_bound", "certified", "rounds")


@final
@dataclass(frozen=True, eq=False)
class Partners:
    """What one view says about the latents of one run."""

    near: Neighbours
    """The nearest latents of the other run."""
    partner: Int64[np.ndarray, " n"]
    """The partner in the assignment, -1 for none."""
    similarity: Float64[np.ndarray, " n"]
    """Similarity to the partner, NaN without one."""
    mutual: Bool[np.ndarray, " n"]
    """Whether a latent is the nearest of its nearest."""


@final
@dataclass(frozen=True, eq=False)
class ViewMatch:
    """How two runs match in one view."""

    near_a: Neighbours
    """For each latent of a, the nearest of b."""
    near_b: Neighbours
    """For each latent of b, the nearest of a."""
    matching: Matching
    """The optimal one-to-one assignment."""

    @property
    def of_a(self) -> Partners:
        """For the latents of a."""
        return self.of("a")

    @property
    def of_b(self) -> Partners:
        """For the latents of b."""
        return self.of("b")

    def of(self, side: Literal["a", "b"]) -> Partners:
        """For the latents of one of the two runs."""
        matching = self.matching
        match side:
            case "a":
                near, back, partner, own = (
                    self.near_a,
                    self.near_b,
                    matching.partner_of_a,
                    matching.a,
                )
            case "b":
                near, back, partner, own = (
                    self.near_b,
                    self.near_a,
                    matching.partner_of_b,
                    matching.b,
                )
            case _:
                assert_never(side)
        similarity = np.full(partner.size, np.nan)
        similarity[own] = matching.similarity
        mutual = (near.nearest >= 0) & (back.nearest[near.nearest] == np.arange(partner.size))
        return Partners(near, partner, similarity, mutual)


def match_views(
    found: Similarities,
    *,
    time_limit: float | None = None,
    progress: bool = True,
    k: int = 2,
    keep: Callable[[str, Callable[[], Arrays]], Arrays] = lambda _, make: make(),
) -> dict[str, ViewMatch]:
    """Nearest latents and optimal assignment in each view, one candidate pass for both.

    Small views are matched side by side, large ones in turn, since each takes its own memory.
    Of each latent the `k` nearest are found. `keep` gives what was kept of a view, or makes it.
    """

    def match_one(view: str) -> ViewMatch:
        def made() -> Arrays:
            candidates = find_candidates(found[view], k=k, progress=progress)
            matching = assign(
                found[view], candidates=candidates, time_limit=time_limit, progress=progress
            )
            return _as_arrays(ViewMatch(candidates.of_a, candidates.of_b, matching))

        return _from_arrays(keep(view, made))

    firsts = {view: found.first_alike(view) for view in found}
    distinct = list(dict.fromkeys(firsts.values()))
    large = is_large(*found.shape)
    done = side_by_side(match_one, distinct, found.device, large=large)
    matches = dict(zip(distinct, done, strict=True))
    return {view: matches[first] for view, first in firsts.items()}


def is_large(n_a: int, n_b: int) -> bool:
    """Whether matching runs of these widths takes so much memory that views go in turn."""
    return n_a * n_b > _MOST_PAIRS_AT_ONCE


def matching_arrays(matching: Matching) -> dict[str, np.ndarray]:
    """An assignment as arrays that can be kept."""
    return {
        **{name: getattr(matching, name) for name in _OF_MATCHING},
        **{name: np.asarray(getattr(matching, name)) for name in _NUMBERS},
    }


def matching_from(arrays: Arrays) -> Matching:
    """The assignment that was kept so."""
    found: dict[str, Any] = {name: arrays[name] for name in _OF_MATCHING}
    return Matching(**found | {name: arrays[name].item() for name in _NUMBERS})


def _as_arrays(match: ViewMatch) -> dict[str, np.ndarray]:
    return matching_arrays(match.matching) | {
        "near_a": match.near_a.index,
        "near_b": match.near_b.index,
        "near_a_similarity": match.near_a.similarity,
        "near_b_similarity": match.near_b.similarity,
    }


def _from_arrays(arrays: Arrays) -> ViewMatch:
    near_a, near_b = (
        Neighbours(arrays[side], arrays[f"{side}_similarity"]) for side in ("near_a", "near_b")
    )
    return ViewMatch(near_a, near_b, matching_from(arrays))
