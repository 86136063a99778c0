"""What `verify` must notice."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import universality as un
from tests.matching.problems import problem
from universality.errors import InvalidInputError
from universality.matching import Matching


def _matched(shape: tuple[int, int]) -> tuple[Matching, np.ndarray, np.ndarray]:
    a, b = problem("half shared", *shape)
    return un.match(a, b), a, b


@pytest.mark.parametrize("shape", [(30, 30), (30, 40), (40, 30)])
def test_two_partners_swapped(shape: tuple[int, int]) -> None:
    matching, a, b = _matched(shape)
    swapped = matching.b.copy()
    swapped[:2] = swapped[1::-1]
    assert not un.verify(replace(matching, b=swapped), a, b)
    similarity = (a[matching.a] * b[swapped]).sum(1)
    similarity /= np.linalg.norm(a[matching.a], axis=1) * np.linalg.norm(b[swapped], axis=1)
    forged = replace(matching, b=swapped, similarity=similarity, total=float(similarity.sum()))
    assert un.verify(forged, a, b).problems == ("the gap does not certify the total",)


@pytest.mark.parametrize("shape", [(30, 30), (30, 40), (40, 30)])
@pytest.mark.parametrize("side", ["u", "v"])
@pytest.mark.parametrize("by", [1e-3, -1e-3])
def test_a_potential_changed(shape: tuple[int, int], side: str, by: float) -> None:
    matching, a, b = _matched(shape)
    potentials = getattr(matching, side).copy()
    potentials[3] += by
    assert not un.verify(replace(matching, **{side: potentials}), a, b)


def test_a_total_a_similarity_or_a_bound_changed() -> None:
    matching, a, b = _matched((30, 40))
    similarity = matching.similarity.copy()
    similarity[0] += 1e-6
    for forged, problem_found in [
        (replace(matching, total=matching.total + 1e-6), "the total is not the sum"),
        (replace(matching, similarity=similarity), "the similarities are not those"),
        (replace(matching, upper_bound=matching.total + 1.0), "the upper bound is not the sum"),
    ]:
        assert any(problem_found in found for found in un.verify(forged, a, b).problems)


def test_negative_potential_of_the_larger_side() -> None:
    matching, a, b = _matched((30, 40))
    free = np.flatnonzero(matching.partner_of_b < 0)[0]
    v = matching.v.copy()
    v[free] = -0.5
    found = un.verify(replace(matching, v=v, upper_bound=matching.upper_bound - 0.5), a, b)
    assert "a potential of the larger side is negative" in found.problems


def test_pairs_that_are_no_assignment() -> None:
    matching, a, b = _matched((30, 40))
    twice = matching.b.copy()
    twice[0] = twice[1]
    assert un.verify(replace(matching, b=twice), a, b).problems == (
        "the pairs are not a one-to-one assignment",
    )
    short = replace(
        matching, a=matching.a[1:], b=matching.b[1:], similarity=matching.similarity[1:]
    )
    assert not un.verify(short, a, b)


def test_it_belongs_to_other_matrices() -> None:
    matching, a, b = _matched((30, 40))
    with pytest.raises(InvalidInputError, match="of 30 x 40 latents, but a has 29 rows"):
        un.verify(matching, a[:-1], b)
    assert not un.verify(matching, a, b[::-1])
