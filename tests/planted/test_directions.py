"""Relations planted between the directions of two runs, and what a comparison must say of them.

Each docstring derives the expected value. Copies, permutations, sign flips and dead rows are
planted in `tests/comparison`.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.made_caches import write_cache
from tests.made_runs import make_run, unit_rows
from universality.comparison import Policy, compare
from universality.nulls.isotropic import mean_of_maximum
from universality.nulls.null import NULLS
from universality.nulls.rotation import haar, rows_at_cosine
from universality.nulls.significance import nearest_p_values, q_values
from universality.results import Comparison
from universality.synthetic import make_directions

N, D = 200, 64
QUICK = Policy(nulls=("isotropic",), n_draws=2)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def shared_at(comparison: Comparison, threshold: float, view: str = "decoder") -> float:
    rows = comparison.summary["shared"]
    return next(row[view]["value"] for row in rows if row["threshold"] == threshold)


def orthonormal(n: int) -> Tensor:
    return haar(D, generator=generator(3))[:n]


@pytest.mark.parametrize("cosine", [0.75, 0.9])
def test_half_shared_at_a_known_cosine(cosine: float) -> None:
    """Half of b is at that cosine to its counterpart in a, the rest is independent.

    Independent rows reach .7 with probability 200 x 4e-10 in 64 dimensions, so the share at .7 is
    exactly one half, and it drops to zero above the cosine. The assignment keeps the planted pairs,
    and its mean lies between theirs with zero for the rest and theirs with the null for the rest.
    """
    rows = unit_rows(N, D, seed=0)
    near = rows_at_cosine(rows[: N // 2], cosine, generator=generator(1))
    comparison = compare(
        make_run(rows), make_run(torch.cat([near, unit_rows(N // 2, D, seed=2)])), QUICK
    )
    assert shared_at(comparison, 0.7) == 0.5
    assert shared_at(comparison, 0.95) == 0
    assert comparison.latents_a["partner_decoder"][: N // 2].tolist() == list(range(N // 2))
    mean = comparison.summary["views"]["decoder"]["assignment"]["mean"]
    assert cosine / 2 < mean < (cosine + mean_of_maximum(D, N)) / 2


def test_duplicates_inside_one_run_inflate_greedy_and_not_the_assignment() -> None:
    """Run b holds one half of a, twice.

    From b every latent has its exact twin: greedy mean 1. From a only half do: (1 + m) / 2, with m
    the mean of the maximum over the 100 distinct directions. One copy of each twin is left to pair
    with an unrelated latent, so the assignment shares exactly one half. Each latent of b has its
    copy as nearest of its own run.
    """
    rows = unit_rows(N, D, seed=0)
    twice = torch.cat([rows[: N // 2], rows[: N // 2]])
    comparison = compare(make_run(rows), make_run(twice), QUICK)
    found = comparison.summary["views"]["decoder"]
    assert found["greedy"]["b_to_a"]["mean"] == pytest.approx(1, abs=1e-6)
    half_known = (1 + mean_of_maximum(D, N // 2)) / 2
    assert found["greedy"]["a_to_b"]["mean"] == pytest.approx(half_known, abs=0.01)
    assert shared_at(comparison, 0.7) == 0.5
    copies = (comparison.latents_b["latent"] + N // 2) % N
    assert comparison.latents_b["own_nearest_decoder"].tolist() == copies.tolist()
    own = comparison.latents_b["own_nearest_similarity_decoder"]
    assert own.to_numpy() == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("split_side", ["a", "b"])
def test_merged_and_split_latents(split_side: str) -> None:
    """Ten latents of one run are normalised sums of two orthonormal latents of the other.

    A sum of two orthonormal rows is at cosine 1/sqrt(2) = .7071 to both. Of the 60 finer latents,
    40 are copies and 20 are halves: greedy (40 + 20 / sqrt 2) / 60. The 50 coarser ones all get a
    partner: assignment (40 + 10 / sqrt 2) / 50, all above .70, four fifths above .75.
    """
    fine = orthonormal(60)
    coarse = torch.cat([(fine[:10] + fine[10:20]) / 2**0.5, fine[20:]])
    runs = (make_run(fine), make_run(coarse))
    comparison = compare(*(runs if split_side == "a" else runs[::-1]), QUICK)
    found = comparison.summary["views"]["decoder"]
    direction = "a_to_b" if split_side == "a" else "b_to_a"
    expected = (40 + 20 * 0.5**0.5) / 60
    assert found["greedy"][direction]["mean"] == pytest.approx(expected, abs=1e-6)
    assert found["assignment"]["mean"] == pytest.approx((40 + 10 * 0.5**0.5) / 50, abs=1e-6)
    assert (shared_at(comparison, 0.7), shared_at(comparison, 0.75)) == (1.0, 0.8)


def test_a_rotated_run_lies_on_the_null_though_it_fires_like_the_original(tmp_path: Path) -> None:
    """Directions turned by a random rotation are independent of the original; its codes are not.

    Rotating tokens and directions alike changes no inner product, hence no code but by rounding of
    the tokens to half precision: the decoder lies on its null (a draw of this size has a standard
    deviation of .003), every correlation is 1, and each latent's partner by activations is itself.
    """
    rows, turn = unit_rows(N, D, seed=0), haar(D, generator=generator(1))
    hidden = torch.randn(1_200, D, generator=generator(2))
    caches = [
        write_cache(tmp_path / name, tokens, n_documents=20)
        for name, tokens in (("a", hidden), ("b", hidden @ turn))
    ]
    policy = Policy(
        views=("decoder", "activations"), nulls=("isotropic",), min_firing=1, held_out=False
    )
    comparison = compare(make_run(rows), make_run(rows @ turn), policy, activations=caches)
    found = comparison.summary["views"]
    for statistic in (*found["decoder"]["greedy"].values(), found["decoder"]["assignment"]):
        assert abs(statistic["mean"] - statistic["null_mean"]) < 0.012
    assert found["activations"]["assignment"]["mean"] > 0.99
    assert found["activations"]["assignment"]["null_mean"] < 0.3
    assert comparison.latents_a["partner_activations"].tolist() == list(range(N))
    assert shared_at(comparison, 0.7) == 0
    assert shared_at(comparison, 0.7, "activations") == 1


def test_a_shared_mean_direction_fools_isotropic_and_not_geometry() -> None:
    """Independent runs whose rows all lean one way: nothing is shared but the lean.

    With a squared cosine of .2 to the mean every pair starts from a cosine of .2, which is far out
    for isotropic rows and nothing for rows that keep the mean.
    """
    a, b = (
        make_directions(N, D, generator=generator(s), mean_share=0.2, spectrum=0.5) for s in (1, 2)
    )
    comparison = compare(make_run(a), make_run(b), Policy(nulls=("geometry", "isotropic")))
    found = comparison.summary["views"]["decoder"]
    observed = found["greedy"]["a_to_b"]["mean"]
    by_null = {name: null["greedy_ab.mean"]["mean"] for name, null in found["nulls"].items()}
    assert observed > by_null["isotropic"] + 0.15
    assert observed == pytest.approx(by_null["geometry"], abs=0.01)
    nearest = comparison.latents_a["nearest_similarity_decoder"].to_numpy()
    flagged = {
        name: float((q_values(nearest_p_values(name, a, b, nearest)) < 0.05).mean())
        for name in by_null
    }
    assert flagged["isotropic"] > 0.9
    assert flagged["geometry"] == 0


@pytest.mark.parametrize("likeness", [0.5, 0.9])
@pytest.mark.parametrize("null", ["isotropic", "geometry", "haar"])
def test_likeness_within_runs_gives_agreement_its_own_null(null: str, likeness: float) -> None:
    """Independent runs whose encoder rows are alike their own decoder rows.

    Whichever decoder rows pair by chance, their encoder rows are then alike too, and agreement is
    far above 1/n although nothing is shared. A null that moves both views together shows the same.
    """
    runs = []
    for seed in (1, 2):
        decoder = unit_rows(N, D, seed=seed)
        runs.append(
            make_run(decoder, rows_at_cosine(decoder, likeness, generator=generator(9 + seed)))
        )
    comparison = compare(*runs, Policy(nulls=(null,), n_draws=5))
    agreement = comparison.summary["agreement"]["decoder_encoder"]
    spread = np.sqrt(agreement["null"] * (1 - agreement["null"]) / N)
    assert abs(agreement["value"] - agreement["null"]) < 4 * spread
    if likeness == 0.9:
        assert agreement["null"] > 20 / N


def test_a_shared_start_is_found_though_the_runs_moved() -> None:
    """Both runs are the same random rows, each turned away by 45 degrees on its own.

    Counterparts keep a cosine of 1/2 = .7071 squared, far above the null of .31, so nearly every
    latent is assigned to its own number; by chance one in n is.
    """
    start = unit_rows(N, D, seed=0)
    runs = [make_run(rows_at_cosine(start, 0.5**0.5, generator=generator(s))) for s in (1, 2)]
    independent = make_run(unit_rows(N, D, seed=9))

    def check(b):
        checks = compare(runs[0], b, QUICK).summary["checks"]
        return next(check for check in checks if check["id"] == "shared_initialisation")

    assert check(runs[1])["status"] == "fail"
    assert check(runs[1])["value"] > 0.9
    assert check(independent)["status"] == "ok"


@pytest.mark.parametrize("n_left", [N // 2, 4 * N // 5])
def test_what_is_left_unmatched_may_span_the_same_subspace(n_left: int) -> None:
    """Some of the latents are shared; the rest of both runs lies, independently, in 16 dimensions.

    Of the rest all lies in those dimensions, a quarter of the space, from r = 16 on, and as many
    pairs at random, some of them shared and from everywhere, lie there less: at every rank up to
    it the remainder is above both references. Beyond it, at r = 32, its energy stays 1.
    Remainders from everywhere have no such subspace: they lie at chance, r / d, and below the run
    at large, whose shared pairs agree.
    """
    shared = unit_rows(N - n_left, D, seed=0)
    confined, everywhere = [], []
    for seed in (1, 2):
        rest = torch.zeros(n_left, D)
        rest[:, : D // 4] = unit_rows(n_left, D // 4, seed=seed)
        confined.append(make_run(torch.cat([shared, rest])))
        everywhere.append(make_run(torch.cat([shared, unit_rows(n_left, D, seed=seed)])))
    found = compare(*confined, QUICK).summary["unmatched_span"]["decoder"]
    assert (found["n_a"], found["n_b"]) == pytest.approx((n_left, n_left), abs=60)
    rows = {row["r"]: row for row in found["ranks"]}
    assert list(rows) == [1, 2, 4, 8, 16, 32]
    assert (rows[16]["energy"], rows[32]["energy"]) == pytest.approx((1, 1), abs=1e-6)
    assert all(row["p"] == 1 / 40 and row["energy"] > row["at_large"] for row in found["ranks"][2:])
    found = compare(*everywhere, QUICK).summary["unmatched_span"]["decoder"]
    for row in found["ranks"]:
        assert abs(row["energy"] - row["chance"]) < 4 * row["chance_sd"]
        assert row["energy"] < row["at_large"]


def test_nulls_keep_the_names_that_reports_use() -> None:
    """The first is the default, fixed in advance."""
    assert list(NULLS) == ["geometry", "isotropic", "haar", "untrained"]
