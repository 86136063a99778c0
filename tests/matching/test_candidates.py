"""The closest few of every latent against a full sort, for any blocks and ranges."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.matching.problems import cosines, problem
from universality.errors import InvalidInputError
from universality.matching import Candidates, Neighbours, Tiling, find_candidates, merge
from universality.similarity import Cosine

SMALL = Tiling(width=5, restricted=3, block_rows=16, block_cols=64)


def sorted_whole(values: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Indices and values of the k largest of each row, ties by index."""
    index = np.argsort(-np.round(values, 11), axis=1, kind="stable")[:, :k]
    return index, np.take_along_axis(values, index, axis=1)


def assert_closest(found: Neighbours, values: np.ndarray, k: int) -> None:
    index, expected = sorted_whole(values, k)
    there = np.isfinite(expected)
    width = expected.shape[1]
    np.testing.assert_allclose(found.similarity[:, :width][there], expected[there], atol=1e-12)
    assert (found.index[:, :width][there] == index[there]).all()
    assert (found.index[:, :width][~there] == -1).all()
    assert (found.index[:, width:] == -1).all()


@pytest.mark.parametrize("precision", [torch.bfloat16, torch.float32, torch.float64])
@pytest.mark.parametrize(
    ("kind", "n_a", "n_b"),
    [
        ("random", 1, 1),
        ("random", 1, 5),
        ("random", 40, 40),
        ("half shared", 30, 70),
        ("half shared", 300, 900),
        ("zero rows", 90, 70),
        ("duplicated rows", 60, 50),
        ("one dimension", 50, 60),
        ("all rows equal", 40, 30),
    ],
)
def test_lists_are_those_of_a_full_sort(
    kind: str, n_a: int, n_b: int, precision: torch.dtype
) -> None:
    a, b = problem(kind, n_a, n_b)
    values = cosines(a, b)
    found = find_candidates(
        Cosine.between(a, b, precision=precision),
        k=3,
        tiling=SMALL,
        progress=False,
    )
    assert_closest(found.of_a, values, 3)
    assert_closest(found.of_b, values.T, 3)


def test_margin_and_mutual() -> None:
    a, b = problem("half shared", 80, 100)
    found = find_candidates(Cosine.between(a, b), k=2, progress=False)
    values = cosines(a, b)
    ordered = np.sort(values, axis=1)
    np.testing.assert_allclose(found.of_a.margin, ordered[:, -1] - ordered[:, -2], atol=1e-12)
    mutual = values.argmax(axis=0)[values.argmax(axis=1)] == np.arange(80)
    assert (found.mutual == mutual).all()


def test_ranges_merge_in_any_grouping() -> None:
    a, b = problem("duplicated rows", 90, 70)
    similarity = Cosine.between(a, b)

    def of(rows: range | None) -> Candidates:
        return find_candidates(
            similarity,
            k=3,
            rows=rows,
            tiling=SMALL,
            progress=False,
        )

    first, second, third = of(range(20)), of(range(20, 31)), of(range(31, 90))
    whole = of(None)
    for merged in (merge(merge(first, second), third), merge(first, merge(second, third))):
        for side in ("of_a", "of_b"):
            assert (getattr(merged, side).index == getattr(whole, side).index).all()
            assert (getattr(merged, side).similarity == getattr(whole, side).similarity).all()


def test_hits_bound_every_pair_they_do_not_list() -> None:
    a, b = problem("half shared", 150, 120)
    listed = find_candidates(Cosine.between(a, b), tiling=SMALL, progress=False).listed
    values = cosines(a, b)
    assert np.abs(values[listed.a, listed.b] - listed.value).max() <= listed.error
    bound = np.minimum(listed.rest_a[:, None], listed.rest_b)
    bound[listed.a, listed.b] = np.inf
    assert (values <= bound).all()


def test_bad_ranges_and_sizes_are_refused() -> None:
    similarity = Cosine.between(*problem("random", 10, 10))
    with pytest.raises(InvalidInputError, match="k must be at least 1, got 0"):
        find_candidates(similarity, k=0)
    for rows in (range(3, 3), range(5, 11), range(0, 10, 2)):
        with pytest.raises(InvalidInputError, match=r"non-empty range within 0\.\.10"):
            find_candidates(similarity, rows=rows)
    first, third = (find_candidates(similarity, rows=rows) for rows in (range(2), range(3, 10)))
    with pytest.raises(InvalidInputError, match="must be adjacent"):
        merge(first, third)
