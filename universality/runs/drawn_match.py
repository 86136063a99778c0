"""How two draws that stand for runs match: as runs do, as far as anyone sees of a mean over draws.

What is printed of a null has four digits. So draws that are small enough are held whole, in
float32, and assigned to within half of the last of these digits, proven; larger ones are matched
like runs, in bounded memory.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

import torch
from jaxtyping import Float
from torch import Tensor

from universality.compute.workers import side_by_side
from universality.matching import find_candidates
from universality.matching.nearly_best import assign_nearly, closest_few
from universality.runs.metrics import Nearest
from universality.runs.view_match import ViewMatch, is_large, match_views
from universality.runs.views import DirectionView, Similarities, Traits, View
from universality.similarity import Similarity

_MOST_WHOLE = 4096**2
"""Similarities that are held whole: 64 MB of them."""
_ROUNDING = 2e-3
"""Bound above which a product is made anew in float64: that of float32 in 16,384 dimensions. It is
for the worst case; what float32 errs by is a thousandth of it."""
_GAP = 5e-5

_Found = TypeVar("_Found")


def match_traits(views: Sequence[View], a: Traits, b: Traits) -> dict[str, ViewMatch]:
    """Two draws matched in every view; of nearest latents the first alone.

    Similarities are right to float32, means of assignments to 5e-5, where the matrix is held.
    """
    found = Similarities([_screened(view) for view in views], a, b)
    if not _is_held(found):
        return match_views(found, progress=False, k=1)

    def matched(similarity: Similarity) -> ViewMatch:
        values = _whole(similarity)
        near = closest_few(values)
        return ViewMatch(near.of_a, near.of_b, assign_nearly(values, near, gap=_GAP))

    return _in_each_view(found, matched)


def nearest_traits(views: Sequence[View], a: Traits, b: Traits) -> dict[str, Nearest]:
    """The nearest latents of two draws in every view, both ways, without assigning them."""
    found = Similarities([_screened(view) for view in views], a, b)

    def near(similarity: Similarity) -> Nearest:
        if _is_held(found):
            closest = closest_few(_whole(similarity), k=1)
            return Nearest(closest.of_a, closest.of_b)
        candidates = find_candidates(similarity, k=1, progress=False)
        return Nearest(candidates.of_a, candidates.of_b)

    return _in_each_view(found, near)


def _in_each_view(found: Similarities, look: Callable[[Similarity], _Found]) -> dict[str, _Found]:
    """What a look at each view gives; once where views see the same."""
    firsts: Mapping[str, str] = {view: found.first_alike(view) for view in found}
    distinct = list(dict.fromkeys(firsts.values()))
    large = is_large(*found.shape)
    done = side_by_side(lambda view: look(found[view]), distinct, found.device, large=large)
    made = dict(zip(distinct, done, strict=True))
    return {view: made[first] for view, first in firsts.items()}


def _screened(view: View) -> View:
    """The view in float32, whose products are right enough without looking at pairs again."""
    return replace(view, precision=torch.float32) if isinstance(view, DirectionView) else view


def _is_held(found: Similarities) -> bool:
    n_a, n_b = found.shape
    return n_a * n_b <= _MOST_WHOLE


def _whole(similarity: Similarity) -> Float[Tensor, "n_a n_b"]:
    everything = slice(None)
    values, error = similarity.block(everything, everything)
    if error > _ROUNDING:
        values = similarity.block(everything, everything, fine=True)[0]
    return values.float()
