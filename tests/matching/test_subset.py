"""What the nearest would be if only some latents existed, against the whole matrix."""

import numpy as np
import pytest

from tests.made_runs import unit_rows
from universality.matching import Tiling, find_candidates
from universality.matching.subset import nearest_among
from universality.similarity import Cosine, Others


@pytest.mark.parametrize("share", [0.03, 0.5, 0.99])
@pytest.mark.parametrize("k", [1, 3])
def test_the_nearest_of_a_part_is_the_largest_entry_of_its_columns(share, k):
    a, b = unit_rows(70, 8, seed=1), unit_rows(90, 8, seed=2)
    similarity = Cosine.between(a, b)
    chosen = np.random.default_rng(0).random(90) < share
    near = find_candidates(similarity, k=k).of_a
    found = nearest_among(similarity, near, chosen, tiling=Tiling(block_rows=16, block_cols=11))
    whole = (a.double() @ b.double().T).numpy()
    np.testing.assert_allclose(found, whole[:, chosen].max(axis=1), atol=1e-6)


def test_of_no_latents_the_nearest_is_infinitely_far():
    similarity = Cosine.between(unit_rows(5, 3, seed=1), unit_rows(6, 3, seed=2))
    near = find_candidates(similarity, k=2).of_a
    assert np.all(nearest_among(similarity, near, np.zeros(6, dtype=bool)) == -np.inf)


def test_within_a_run_a_latent_is_not_its_own_nearest():
    a = unit_rows(40, 6, seed=3)
    others = Others(Cosine.between(a, a))
    chosen = np.arange(40) % 3 == 0
    near = find_candidates(others, k=2).of_a
    whole = (a.double() @ a.double().T).numpy()
    np.fill_diagonal(whole, -np.inf)
    found = nearest_among(others, near, chosen)
    np.testing.assert_allclose(found, whole[:, chosen].max(axis=1), atol=1e-6)
