"""Statistics of paired rows: planted positives and negatives, oracles, and pairs that are none."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.linalg import orthogonal_procrustes
from scipy.stats import ortho_group, spearmanr
from sklearn.cross_decomposition import CCA

from universality.errors import InvalidInputError
from universality.pair_geometry.arrangement import similarity_of_arrangement
from universality.pair_geometry.canonical import (
    canonical_correlations,
    cross_validated_cca,
    leading_components,
    n_explaining,
    svcca,
)
from universality.pair_geometry.common_neighbours import mutual_neighbours
from universality.pair_geometry.geometry_reading import (
    ARRANGEMENT_STATISTICS,
    MOST_RANKED,
    geometry_of_pairs,
)
from universality.pair_geometry.kernel_alignment import cka, debiased_cka
from universality.pair_geometry.orthogonal_fit import held_out_procrustes, procrustes

N, D = 300, 24


def noise(n: int = N, d: int = D, *, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, d))


def by_name(x: np.ndarray, y: np.ndarray, **choices: int) -> dict[str, float]:
    return {one.statistic: one.value for one in geometry_of_pairs(x, y, **choices)}


def test_rotated_scaled_and_moved_rows_are_arranged_alike_in_every_statistic() -> None:
    x = noise(seed=0)
    turn = ortho_group.rvs(D, random_state=1)
    found = by_name(x, 3.0 * x @ turn + 7.0)
    assert found == pytest.approx(dict.fromkeys(ARRANGEMENT_STATISTICS, 1.0), abs=1e-9)
    wider = np.concatenate([x @ turn, np.zeros((N, 5))], axis=1)
    assert by_name(x, wider) == pytest.approx(found, abs=1e-9)


def test_independent_rows_of_different_widths_give_chance() -> None:
    draws = [geometry_of_pairs(noise(seed=s), noise(d=40, seed=100 + s)) for s in range(12)]
    for readings in zip(*draws, strict=True):
        values = [one.value for one in readings]
        chance = readings[0].chance
        if readings[0].statistic == "svcca":
            assert 0.15 < np.mean(values) < math.sqrt(20 / (N - 1)) + 0.02
        else:
            error = np.std(values, ddof=1) / math.sqrt(len(values))
            assert abs(np.mean(values) - (chance or 0.0)) < 4 * error + 1e-3


def test_every_statistic_is_symmetric_and_blind_to_the_order_of_pairs() -> None:
    x, y = noise(seed=0), noise(d=30, seed=1)
    y[:, :6] += x[:, :6]
    order = np.random.default_rng(3).permutation(N)
    for read in (svcca, cka, debiased_cka, procrustes, similarity_of_arrangement):
        assert read(x, y) == pytest.approx(read(y, x), abs=1e-9)
        assert read(x, y) == pytest.approx(read(x[order], y[order]), abs=1e-9)
    assert mutual_neighbours(x, y) == pytest.approx(mutual_neighbours(y, x))


def test_one_shared_direction_scores_one_over_k_held_out_and_its_null_plus_that_in_sample() -> None:
    generator = np.random.default_rng(0)
    n, d, k = 2000, 512, 10
    along = 6 * generator.normal(size=(n, 1))

    def side() -> np.ndarray:
        direction = generator.normal(size=(1, d))
        direction /= np.linalg.norm(direction)
        return generator.normal(size=(n, d)) + along @ direction

    x, y = side(), side()
    apart = y[generator.permutation(n)]
    held_out = cross_validated_cca(x, y, generator=generator, n_components=k)
    assert held_out == pytest.approx(1 / k, abs=0.03)
    assert cross_validated_cca(x, apart, generator=generator, n_components=k) < 0.03
    null = svcca(x, apart, n_components=k)
    assert svcca(x, y, n_components=k) == pytest.approx(1 / k + (1 - 1 / k) * null, abs=0.02)
    assert svcca(x, y, n_components=k) < 0.25


def test_canonical_correlations_are_scikit_learns_on_whole_spaces() -> None:
    x, y = noise(d=3, seed=0), noise(d=4, seed=1)
    y[:, :2] += x[:, :2]
    oracle = CCA(n_components=3, max_iter=5000, tol=1e-12).fit(x, y)
    one, other = oracle.transform(x, y)
    wanted = [np.corrcoef(one[:, i], other[:, i])[0, 1] for i in range(3)]
    assert canonical_correlations(x, y, (3, 4)) == pytest.approx(wanted, abs=1e-6)


def test_components_are_those_of_a_singular_value_decomposition_tall_or_flat() -> None:
    for n, d in ((50, 12), (12, 50)):
        rows = noise(n, d, seed=2) * np.linspace(1, 5, d) + 2
        found = leading_components(rows, 4, "rows")
        _, lengths, axes = np.linalg.svd(rows - rows.mean(axis=0), full_matrices=False)
        assert found.lengths == pytest.approx(lengths[:4])
        assert np.abs(found.axes.T @ axes[:4].T) == pytest.approx(np.eye(4), abs=1e-9)
        shares = np.cumsum(lengths**2) / (lengths**2).sum()
        assert n_explaining(rows, 0.9, "rows") == int(np.argmax(shares >= 0.9)) + 1


def test_cka_is_the_formula_with_centred_gram_matrices() -> None:
    x, y = noise(40, 6, seed=0), noise(40, 9, seed=1)
    y[:, :4] += x[:, :4]
    middle = np.eye(40) - 1 / 40
    k, m = middle @ x @ x.T @ middle, middle @ y @ y.T @ middle
    wanted = (k * m).sum() / np.sqrt((k * k).sum() * (m * m).sum())
    assert cka(x, y) == pytest.approx(wanted)
    assert cka(y[:5], x[:5]) == pytest.approx(cka(x[:5], y[:5]))


def test_debiased_cka_is_u_centred_products_of_songs_estimate() -> None:
    """Szekely and Rizzo's U-centring gives the same estimate by another road."""
    x, y = noise(40, 6, seed=0), noise(40, 9, seed=1)
    y[:, :4] += x[:, :4]

    def u_centred(rows: np.ndarray) -> np.ndarray:
        gram, n = rows @ rows.T, len(rows)
        np.fill_diagonal(gram, 0)
        rowwise = gram.sum(axis=1, keepdims=True) / (n - 2)
        found = gram - rowwise - rowwise.T + gram.sum() / ((n - 1) * (n - 2))
        np.fill_diagonal(found, 0)
        return found

    k, m = u_centred(x), u_centred(y)
    wanted = (k * m).sum() / np.sqrt((k * k).sum() * (m * m).sum())
    assert debiased_cka(x, y) == pytest.approx(wanted)


def test_procrustes_is_scipys_and_held_out_it_has_no_bias() -> None:
    x, y = noise(30, 20, seed=0), noise(30, 20, seed=1)
    one, other = ((side - side.mean(0)) / np.linalg.norm(side - side.mean(0)) for side in (x, y))
    assert procrustes(x, y) == pytest.approx(orthogonal_procrustes(one, other)[1])
    assert procrustes(x, y) > 0.6
    held_out = [
        held_out_procrustes(noise(30, 20, seed=s), noise(30, 20, seed=50 + s), generator=generator)
        for s, generator in enumerate(np.random.default_rng(9).spawn(20))
    ]
    assert abs(np.mean(held_out)) < 0.05


def test_arrangement_is_the_rank_correlation_of_all_pairs_of_rows() -> None:
    generator = np.random.default_rng(0)
    z = generator.normal(size=(80, 5))
    x, y = (z @ generator.normal(size=(5, d)) + generator.normal(size=(80, d)) for d in (12, 9))
    pairs = np.triu_indices(80, k=1)
    wanted = spearmanr(np.corrcoef(x)[pairs], np.corrcoef(y)[pairs]).statistic
    found = similarity_of_arrangement(x, y, likeness="correlation")
    assert found == pytest.approx(wanted, abs=1e-12)

    def cosines(rows: np.ndarray) -> np.ndarray:
        unit = rows - rows.mean(axis=0)
        unit /= np.linalg.norm(unit, axis=1, keepdims=True)
        return (unit @ unit.T)[pairs]

    wanted = spearmanr(cosines(x), cosines(y)).statistic
    assert similarity_of_arrangement(x, y) == pytest.approx(wanted, abs=1e-12)
    assert similarity_of_arrangement(x, -x) == pytest.approx(1)


def test_clusters_that_keep_their_members_share_neighbours_wherever_they_lie() -> None:
    generator = np.random.default_rng(0)
    members = np.arange(120) % 8
    x, y = (generator.normal(size=(8, 16))[members] for _ in "ab")
    x, y = (side + 0.05 * generator.normal(size=side.shape) for side in (x, y))
    assert mutual_neighbours(x, y, n_neighbours=14) > 0.95
    assert mutual_neighbours(x, y[generator.permutation(120)], n_neighbours=14) < 0.25


def test_two_clusters_paired_at_random_are_no_arrangement() -> None:
    generator = np.random.default_rng(1)
    x, y = (noise(200, 10, seed=s) + 3 * generator.choice([-1, 1], size=(200, 1)) for s in (4, 5))
    found = by_name(x, y, n_components=5)
    assert max(abs(found[name]) for name in ("debiased_cka", "rsa", "cross_validated_cca")) < 0.1


def test_of_many_pairs_a_fixed_sample_is_ranked() -> None:
    x = noise(MOST_RANKED + 300, 4, seed=0)
    found = {one.statistic: one for one in geometry_of_pairs(x, x, n_components=2)}
    assert found["rsa"].n_pairs == MOST_RANKED
    assert found["debiased_cka"].n_pairs == len(x)
    assert found["rsa"].value == pytest.approx(1)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda x, y: (x[:3], y[:3]), "3 pairs"),
        (lambda x, y: (x, y[:-1]), "equally many"),
        (lambda x, y: (x * np.where(x == x[5, 2], np.nan, 1), y), "NaN"),
        (lambda x, y: (np.ones_like(x), y), "rows of x are all the same"),
        (lambda x, y: (x, np.ones_like(y)), "rows of y are all the same"),
        (lambda x, y: (x[[*range(9), 4]], y[[*range(9), 4]]), "rows 4 and 9 of x are the same"),
        (lambda x, y: (x[:10], y[[*range(9), 2]]), "rows 2 and 9 of y are the same"),
        (lambda x, y: (x[0], y), "two dimensions"),
        (lambda x, y: (x.astype(int), y), "floating-point"),
    ],
)
def test_what_are_no_pairs_is_refused_by_name(change, said: str) -> None:
    x, y = noise(20, 5, seed=0), noise(20, 6, seed=1)
    with pytest.raises(InvalidInputError, match=said):
        geometry_of_pairs(*change(x, y), n_components=2, n_neighbours=3)


def test_a_statistic_that_pairs_do_not_allow_says_why_and_the_others_stand() -> None:
    found = {one.statistic: one for one in geometry_of_pairs(noise(30, seed=0), noise(30, seed=1))}
    assert "by necessity" in found["svcca"].undefined
    assert "half of the pairs" in found["cross_validated_cca"].undefined
    assert math.isnan(found["svcca"].value)
    assert found["svcca"].as_record()["value"] is None
    assert abs(found["debiased_cka"].value) < 0.3
    narrow = geometry_of_pairs(noise(90, 3, seed=0), noise(90, 9, seed=1), n_components=5)
    assert "spread in 3 directions" in narrow[0].undefined
    assert (
        "neighbours of 8 pairs"
        in geometry_of_pairs(noise(8, seed=0), noise(8, seed=1))[5].undefined
    )


def test_a_row_without_direction_is_like_no_other() -> None:
    x, y = noise(20, 4, seed=0), noise(20, 4, seed=0)
    y[7] = np.delete(y, 7, axis=0).mean(axis=0)
    assert similarity_of_arrangement(x, y) > 0.5
    x[2] = 1.5
    assert similarity_of_arrangement(x, y, likeness="correlation") > 0.3


def test_rows_that_are_all_equally_alike_have_no_debiased_cka() -> None:
    with pytest.raises(InvalidInputError, match="all equally alike"):
        debiased_cka(np.eye(6), noise(6, 3, seed=0))
