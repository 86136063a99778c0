import numpy as np
import torch
from scipy.optimize import nnls

from tests.made_runs import unit_rows
from universality.matching import find_candidates
from universality.recurrence.widths.combinations import MOST_MEMBERS, NEAREST, combine
from universality.similarity import Cosine


def _combine(rows, others):
    near = find_candidates(Cosine.between(rows, others), k=NEAREST, progress=False)
    return combine(rows, others, near.of_a)


def test_a_planted_sum_is_found_with_its_terms() -> None:
    others = unit_rows(200, 64, seed=0)
    rows = torch.stack([others[3] + others[70], others[5] + others[9] + others[11]])
    found = _combine(rows, others)
    assert set(found.member[0][found.member[0] >= 0]) == {3, 70}
    assert set(found.member[1][found.member[1] >= 0]) == {5, 9, 11}
    np.testing.assert_allclose(found.explained, 1, atol=1e-6)


def test_independent_directions_explain_nothing_in_many_dimensions() -> None:
    found = _combine(unit_rows(50, 512, seed=1), unit_rows(50, 512, seed=2))
    assert (found.n_members == 0).all()
    assert (found.explained == 0).all()


def test_factors_are_the_non_negative_least_squares_of_their_terms() -> None:
    others, rows = unit_rows(60, 8, seed=3), unit_rows(40, 8, seed=4)
    found = _combine(rows, others)
    assert 2 <= found.n_members.max() <= MOST_MEMBERS
    for row, member, factor, explained in zip(
        rows.double().numpy(), found.member, found.coefficient, found.explained, strict=True
    ):
        kept = member >= 0
        terms = others.double().numpy()[member[kept]]
        terms /= np.linalg.norm(terms, axis=1, keepdims=True)
        exact, left = nnls(terms.T, row / np.linalg.norm(row))
        np.testing.assert_allclose(factor[kept], exact, atol=1e-6)
        assert abs(explained - (1 - left**2)) < 1e-6


def test_with_absolute_the_sign_of_the_others_changes_nothing_but_the_factors() -> None:
    others, rows = unit_rows(60, 8, seed=3), unit_rows(40, 8, seed=4)
    sign = torch.where(torch.rand(60, 1, generator=torch.Generator().manual_seed(0)) < 0.5, -1, 1)
    found, flipped = (
        combine(
            rows,
            some,
            find_candidates(
                Cosine.between(rows, some, absolute=True), k=NEAREST, progress=False
            ).of_a,
            absolute=True,
        )
        for some in (others, others * sign)
    )
    np.testing.assert_array_equal(found.member, flipped.member)
    np.testing.assert_allclose(found.explained, flipped.explained, atol=1e-6)
    turned = sign.numpy()[found.member, 0]
    np.testing.assert_allclose(
        found.coefficient, np.where(found.member >= 0, flipped.coefficient * turned, 0), atol=1e-6
    )
    assert (found.coefficient < 0).any()


def test_identical_terms_do_no_harm() -> None:
    one = unit_rows(1, 16, seed=5)
    found = _combine(one, torch.cat([one, one, one]))
    assert found.n_members.tolist() == [1]
    np.testing.assert_allclose(found.explained, 1, atol=1e-9)
