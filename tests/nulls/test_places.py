"""Histograms by place: they keep means, bound convex sums, and number places as the draws do."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.made_codes import awkward_codes
from universality.codes import from_batches
from universality.nulls import locked_places as places
from universality.nulls.coincidence import growths
from universality.nulls.locked_places import LEVELS, profiles
from universality.nulls.tokens import kept_places, permute_windows

N = 12
EVERY = np.arange(N)
LENGTHS = (64, 30, 16, 5, 64, 47)


def _documents(repeats=20):
    return np.repeat(np.arange(repeats * len(LENGTHS)), np.tile(LENGTHS, repeats))


def _codes(n_tokens, seed):
    values = awkward_codes(n_tokens, N, seed=seed)
    return values, from_batches([values], N)


@pytest.mark.parametrize("repeats", [1, 5, 20])
@pytest.mark.parametrize("extra", [0, 64])
def test_draws_keep_the_number_of_the_place(repeats, extra):
    """Also where a single last piece joins the pieces before it."""
    documents = _documents(repeats)
    documents = np.append(documents, np.full(extra, documents[-1]))
    place = kept_places(documents)[1]
    generator = torch.Generator().manual_seed(0)
    for _ in range(3):
        rows_a, rows_b = permute_windows(documents, generator=generator)
        assert np.array_equal(place[rows_a], place[rows_b])


def test_places_are_told_apart_as_far_as_sixteen_documents_are_so_long():
    place = kept_places(np.repeat(np.arange(20), 40))[1]
    assert np.array_equal(place, np.tile(np.arange(40), 20))
    few = kept_places(np.repeat(np.arange(3), 40))[1]
    assert np.array_equal(few, np.tile(np.arange(40) % 16, 3))


def test_levels_share_out_what_is_there():
    documents = _documents()
    values, codes = _codes(documents.size, 0)
    profile = profiles(codes, codes, documents, 16)[0]
    place = kept_places(documents)[1]
    dense = profile.tokens.at(EVERY)
    mean = (dense * torch.from_numpy(LEVELS).float()).sum(dim=2)
    values = values.astype(np.float64)
    unit = np.abs(values) / np.maximum(np.sqrt(documents.size) * values.std(axis=0), 1e-9)
    unit[:, np.ptp(values, axis=0) == 0] = 0
    expected = np.stack([np.bincount(place, unit[:, k]) for k in range(N)])
    found = mean.numpy() * profile.tokens.largest[:, None]
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


def _exact(values_a, values_b, documents, t):
    """T of each pair by its definition: every piece against all that may come to its place."""
    piece, place = kept_places(documents)
    unit = [np.abs(v) / np.maximum(np.sqrt(len(v)) * v.std(axis=0), 1e-9) for v in values_a]
    other = [np.abs(v) / np.maximum(np.sqrt(len(v)) * v.std(axis=0), 1e-9) for v in values_b]
    pieces = np.array([np.flatnonzero(piece == k) for k in range(piece.max() + 1)])
    total = 0.0
    for i in pieces:
        partners = [j for j in pieces if place[j[0]] == place[i[0]]]
        total += np.mean([np.expm1(t * (unit[0][i] @ other[0][j])) for j in partners])
    return total


@pytest.mark.parametrize("most", [192, 8])
@pytest.mark.parametrize("repeats", [3, 20])
def test_the_growth_bounds_that_of_the_null(repeats, most, monkeypatch):
    """For one pair and every tilt, in whole pieces; also where neighbouring places are joined."""
    monkeypatch.setattr(places, "_MOST_PLACES", most)
    documents = np.repeat(np.arange(repeats), 48)
    (x, a), (y, b) = _codes(documents.size, 1), _codes(documents.size, 2)
    first, second = profiles(a, b, documents, 16)
    for i, j in ((5, 6), (4, 5), (3, 3)):
        sums, tokens = first.joined_sums(np.array([i])), second.joined_tokens(np.array([j]))
        scale = first.sums.largest[i] * second.tokens.largest[j]
        for t, growth in growths(sums, tokens.flatten(1).T.contiguous()):
            exact = _exact([x[:, i]], [y[:, j]], documents, t / scale)
            assert float(growth[0, 0]) >= exact * (1 - 1e-4)
            if most == 192 and repeats == 20 and t < 2:
                assert float(growth[0, 0]) <= 2.5 * exact + 1e-6
