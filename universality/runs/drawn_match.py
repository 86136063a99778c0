"""How two draws that stand for runs match: as runs do, as far as anyone sees of a mean over draws.

What is printed of a null has four digits. So draws that are small enough are held whole, in
float32, and assigned to within a tenth of the last of these digits, proven; larger ones are matched
like runs, in bounded memory.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar

import torch
from jaxtyping import Float
from torch import Tensor

from universality.compute.workers import side_by_side
from universality.matching.nearly_best import assign_nearly, closest_few
from universality.runs.view_match import ViewMatch, match_views
from universality.runs.views import DirectionView, Similarities, Traits, View
from universality.similarity import Similarity

_MOST_WHOLE = 4096**2
"""Similarities that are held whole: 64 MB of them."""
_ROUNDING = 2e-3
"""Bound above which a product is made anew in float64: that of float32 in 16,384 dimensions. It is
for the worst case; what float32 errs by is a thousandth of it."""
_GAP = 1e-5

_Found = TypeVar("_Found")


def match_traits(views: Sequence[View], a: Traits, b: Traits) -> dict[str, ViewMatch]:
    """Two draws matched in every view; of nearest latents the first alone.

    Where the matrix is held, similarities are right to float32 and means of assignments to 1e-5.
    """
    found = Similarities([_screened(view) for view in views], a, b)
    n_a, n_b = found.shape
    if n_a * n_b > _MOST_WHOLE:
        return match_views(found, progress=False, k=1)

    def matched(view: str) -> ViewMatch:
        values = _whole(found[view])
        near = closest_few(values)
        return ViewMatch(near.of_a, near.of_b, assign_nearly(values, near, gap=_GAP))

    firsts = {view: found.first_alike(view) for view in found}
    distinct = list(dict.fromkeys(firsts.values()))
    made = dict(zip(distinct, side_by_side(matched, distinct, found.device), strict=True))
    return {view: made[first] for view, first in firsts.items()}


def _screened(view: View) -> View:
    """The view in float32, whose products are right enough without looking at pairs again."""
    return replace(view, precision=torch.float32) if isinstance(view, DirectionView) else view


def _whole(similarity: Similarity) -> Float[Tensor, "n_a n_b"]:
    everything = slice(None)
    values, error = similarity.block(everything, everything)
    if error > _ROUNDING:
        values = similarity.block(everything, everything, fine=True)[0]
    return values.float()
