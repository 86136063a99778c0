"""Matching two sets of directions, view by view: the same steps for runs and for null draws."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TypeAlias, final

import numpy as np
import torch
from jaxtyping import Float, Float64, Int64, Shaped
from torch import Tensor

from universality.alive import Alive
from universality.codes import Codes, take_latents
from universality.compute.workers import side_by_side
from universality.dictionary import Dictionary, View
from universality.errors import InvalidInputError
from universality.matching import Matching, assign, find_candidates, nearest_other
from universality.metrics import ViewMatch
from universality.similarity import Cosine, Similarity
from universality.similarity.code_similarity import CodeSimilarity
from universality.similarity.measures import Measure

ACTIVATIONS = "activations"
"""Name of the view that compares when latents fire."""

_MOST_PAIRS_AT_ONCE = 8192**2

Directions: TypeAlias = Mapping[str, Float[Tensor, "_ _"]]
"""The rows of one run that take part, by view."""


@final
@dataclass(frozen=True, eq=False)
class Side:
    """One run of a comparison and the part of it that takes part."""

    dictionary: Dictionary
    """The whole run."""
    alive: Alive
    """Which latents take part, and why."""
    directions: Directions
    """Their rows, by view."""
    codes: Codes | None = None
    """Their codes on the tokens of the comparison; None where it has none."""

    @property
    def numbers(self) -> Int64[np.ndarray, " n_alive"]:
        """The latents' own numbers in the run, in the order of the rows."""
        return self.alive.mask.cpu().numpy().nonzero()[0]

    def column(self, values: Shaped[np.ndarray, " n_alive"]) -> Shaped[np.ndarray, " d_sae"]:
        """Values of the latents that take part as a column for all: -1, False or NaN elsewhere."""
        missing = {"i": -1, "b": False}.get(values.dtype.kind, np.nan)
        column = np.full(self.dictionary.d_sae, missing, dtype=values.dtype)
        column[self.numbers] = values
        return column


def side(
    dictionary: Dictionary, alive: Alive, views: tuple[View, ...], codes: Codes | None = None
) -> Side:
    """The run with the rows and codes of the latents that take part."""
    rows: dict[str, Tensor] = {view: dictionary.directions(view) for view in views}
    if not bool(alive.mask.all()):
        rows = {view: matrix[alive.mask] for view, matrix in rows.items()}
        codes = codes and take_latents(codes, alive.mask.cpu().numpy().nonzero()[0])
    return Side(dictionary=dictionary, alive=alive, directions=rows, codes=codes)


def choose_views(
    a: Dictionary, b: Dictionary, asked: tuple[str, ...] | None, *, activations: bool = False
) -> tuple[View, ...]:
    """The views of directions to compare, checked: both runs have them, in spaces of equal width.

    With `activations`, runs of different width have no such view in common, which is no error.

    Raises:
        InvalidInputError: a run lacks a view that was asked for, or the widths differ.
    """
    common = tuple(view for view in a.views if view in b.views)
    if ACTIVATIONS in (asked or ()) and not activations:
        raise InvalidInputError(
            "--view activations compares when latents fire: pass a cache with --activations DIR"
        )
    for view in asked or ():
        for run in (a, b):
            if view not in (*run.views, ACTIVATIONS):
                raise InvalidInputError(
                    f"--view {view}: {run.source.name} has no such view (it has "
                    f"{', '.join(run.views) or 'codes alone'})"
                )
    views = common if asked is None else tuple(view for view in common if view in asked)
    for view in views:
        d_a, d_b = a.directions(view).shape[1], b.directions(view).shape[1]
        if d_a != d_b:
            if activations and asked is None:
                return ()
            raise InvalidInputError(
                f"the runs live in different spaces: {view} rows have width {d_a} in "
                f"{a.source.name} and {d_b} in {b.source.name}; directions can only be compared "
                "within one model and hook; what fires when can, with --activations DIR "
                "--activations DIR"
            )
    return views


def cosines(
    a: Directions, b: Directions, *, absolute: bool, device: torch.device
) -> dict[str, Similarity]:
    """The cosine similarity of two runs in each view; one object where views are the same rows."""
    made: dict[tuple[int, int], Similarity] = {}
    for view in a:
        rows = id(a[view]), id(b[view])
        if rows not in made:
            made[rows] = Cosine.between(a[view], b[view], absolute=absolute, device=device)
    return {view: made[id(a[view]), id(b[view])] for view in a}


def similarities_between(
    a: Side, b: Side, *, measure: Measure, absolute: bool, device: torch.device
) -> dict[str, Similarity]:
    """The similarity of two runs in each view that both sides have."""
    found = cosines(a.directions, b.directions, absolute=absolute, device=device)
    if a.codes is not None and b.codes is not None:
        found[ACTIVATIONS] = code_similarity(a.codes, b.codes, measure=measure, absolute=absolute)
    return found


def code_similarity(a: Codes, b: Codes, *, measure: Measure, absolute: bool) -> CodeSimilarity:
    """How alike latents fire; without `absolute`, signs count unless both runs have them."""
    return CodeSimilarity.between(a, b, measure, absolute=True if absolute else None)


def is_large(n_a: int, n_b: int) -> bool:
    """Whether matching runs of these widths takes so much memory that views go in turn."""
    return n_a * n_b > _MOST_PAIRS_AT_ONCE


def match_views(
    similarities: Mapping[str, Similarity], *, time_limit: float | None = None
) -> dict[str, ViewMatch]:
    """Nearest latents and optimal assignment in each view, one candidate pass for both.

    Small views are matched side by side, large ones in turn, since each takes its own memory.
    """

    def match_one(similarity: Similarity) -> ViewMatch:
        candidates = find_candidates(similarity)
        matching = assign(similarity, candidates=candidates, time_limit=time_limit)
        return ViewMatch(candidates=candidates, matching=matching)

    distinct = list({id(one): one for one in similarities.values()}.values())
    large = any(is_large(*one.shape) for one in distinct)
    matched = side_by_side(match_one, distinct, distinct[0].device, large=large)
    made = dict(zip(map(id, distinct), matched, strict=True))
    return {view: made[id(similarity)] for view, similarity in similarities.items()}


def partner_numbers(a: Side, b: Side, matching: Matching) -> Int64[np.ndarray, " d_sae_a"]:
    """The partner of every latent of a, all in the latents' own numbers; -1 for none."""
    partner = matching.partner_of_a
    return a.column(np.where(partner >= 0, b.numbers[partner], -1))


def own_nearest(
    run: Side, view: str, *, measure: Measure, absolute: bool, device: torch.device
) -> Float64[np.ndarray, " n"]:
    """Similarity of each latent to the nearest other latent of its own run; NaN if it is alone."""
    if run.alive.n_alive == 1:
        return np.full(1, np.nan)
    both = similarities_between(
        *(2 * (only_view(run, view),)), measure=measure, absolute=absolute, device=device
    )
    return nearest_other(both[view])


def only_view(run: Side, view: str) -> Side:
    """The run with nothing but one view."""
    rows = {name: matrix for name, matrix in run.directions.items() if name == view}
    return replace(run, directions=rows, codes=run.codes if view == ACTIVATIONS else None)
