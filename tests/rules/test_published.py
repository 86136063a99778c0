"""Published rules against formulas written from their papers and their authors' code.

Each was also run beside that code on the same runs; what is here needs none of it: NumPy, SciPy's
dense assignment, `corrcoef`.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.optimize import linear_sum_assignment

from tests.made_runs import make_run, unit_rows
from universality.codes import from_batches
from universality.errors import InvalidInputError
from universality.nulls.rotation import rows_at_cosine
from universality.rules import PUBLISHED, rules_named
from universality.rules.between_spaces import mean_canonical
from universality.rules.by_firing import excess_correlation, rotation
from universality.rules.compared_runs import ComparedRuns
from universality.runs.views import Traits

N, D = 60, 24
CPU = torch.device("cpu")


def rows(n: int, seed: int) -> torch.Tensor:
    return unit_rows(n, D, seed=seed)


def related(seed: int, n: int = N) -> Traits:
    """Half of the latents are those of every other such run, in an order of their own."""
    generator = torch.Generator().manual_seed(seed)
    shared = rows_at_cosine(rows(n // 2, 100), 0.9, generator=generator)
    decoder = torch.cat([shared, rows(n - n // 2, seed)])
    decoder = decoder[torch.randperm(n, generator=generator)]
    return Traits(
        {"decoder": decoder, "encoder": rows_at_cosine(decoder, 0.9, generator=generator)}
    )


@pytest.fixture(scope="module")
def three() -> ComparedRuns:
    return ComparedRuns(tuple(related(seed) for seed in (1, 2, 3)), CPU)


def cosines(a: Traits, b: Traits, view: str = "decoder") -> np.ndarray:
    x, y = (run.directions[view].double().numpy() for run in (a, b))
    x, y = (one / np.linalg.norm(one, axis=1, keepdims=True) for one in (x, y))
    return x @ y.T


def assigned(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    found = linear_sum_assignment(matrix, maximize=True)
    return found[1], matrix[found]


def values(name: str, runs: ComparedRuns) -> list[float]:
    return [reading.value for reading in PUBLISHED[name].read(runs)]


def over_pairs(runs: ComparedRuns, one) -> float:
    return float(np.mean([one(runs.runs[i], runs.runs[j]) for i, j in runs.pairs]))


def test_paulo_and_agreement_are_what_two_dense_assignments_say(three: ComparedRuns) -> None:
    def paulo(a: Traits, b: Traits) -> float:
        (p, s), (q, t) = (assigned(cosines(a, b, view)) for view in ("decoder", "encoder"))
        return float(((p == q) & (s > 0.7) & (t > 0.7)).mean())

    def agree(a: Traits, b: Traits) -> float:
        return float((assigned(cosines(a, b))[0] == assigned(cosines(a, b, "encoder"))[0]).mean())

    assert values("paulo2025", three) == [pytest.approx(over_pairs(three, paulo), abs=1e-12)]
    assert values("agreement2025", three) == [pytest.approx(over_pairs(three, agree), abs=1e-12)]
    assert 0.1 < values("paulo2025", three)[0] < values("agreement2025", three)[0] < 1


def test_song_is_signed_and_saelens_is_not(three: ComparedRuns) -> None:
    song = over_pairs(three, lambda a, b: assigned(cosines(a, b))[1].mean())
    assert values("song2025", three) == [pytest.approx(song, abs=1e-6)]
    first, *others = three.runs
    mcc = np.mean([assigned(np.abs(cosines(first, run)))[1].mean() for run in others])
    assert values("saelens2026", three) == [pytest.approx(mcc, abs=1e-6)]
    turned = Traits({"decoder": -first.directions["decoder"]})
    opposite = ComparedRuns((first, turned), CPU)
    assert values("saelens2026", opposite)[0] == pytest.approx(1, abs=1e-6)
    assert values("song2025", opposite)[0] < 0.9


def test_nearest_rules_are_maxima_of_rows(three: ComparedRuns) -> None:
    to_b = over_pairs(three, lambda a, b: cosines(a, b).max(axis=1).mean())
    to_a = over_pairs(three, lambda a, b: cosines(a, b).max(axis=0).mean())
    assert values("mcs2023", three) == pytest.approx([to_b, to_a], abs=1e-6)

    def husai(a: Traits, b: Traits) -> float:
        size = np.abs(cosines(a, b))
        return float((size.max(axis=1).mean() + size.max(axis=0).mean()) / 2)

    assert values("husai2026", three) == [pytest.approx(over_pairs(three, husai), abs=1e-6)]


def test_gerasimov_counts_the_other_runs_that_have_a_latent_like_it(three: ComparedRuns) -> None:
    stability = np.concatenate(
        [
            np.mean([cosines(a, b).max(axis=1) >= 0.7 for b in three.runs if b is not a], axis=0)
            for a in three.runs
        ]
    )
    wanted = [stability.mean(), (stability >= 0.95).mean(), (stability <= 0.05).mean()]
    assert values("gerasimov2026", three) == pytest.approx(wanted, abs=1e-12)
    assert wanted[1] == pytest.approx(0.5, abs=0.1)


def _codes(seed: int, n_tokens: int = 400, n: int = 30) -> np.ndarray:
    generator = np.random.default_rng(seed)
    dense = generator.gamma(2, size=(n_tokens, n)) * (generator.random((n_tokens, n)) < 0.2)
    return dense.astype(np.float32)


def test_excess_over_a_rotated_partner_is_that_of_the_dense_matrices() -> None:
    a, b = _codes(1), _codes(2)
    b[:, :10] = a[:, 5:15]
    a[:, 29] = 0
    turn = rotation(30, seed=4)
    np.testing.assert_allclose(np.linalg.norm(turn, axis=1), 1)
    found = excess_correlation(from_batches([a], 30), from_batches([b], 30), turn)

    def best(other: np.ndarray) -> np.ndarray:
        with np.errstate(invalid="ignore", divide="ignore"):
            both = np.corrcoef(a.astype(np.float64), other, rowvar=False)[:30, 30:]
        return both.max(axis=1)

    wanted = best(b.astype(np.float64)) - best(b.astype(np.float64) @ turn.T)
    np.testing.assert_allclose(found[:29], wanted[:29], atol=1e-9)
    assert np.isnan(found[29])
    runs = ComparedRuns(tuple(Traits({}, from_batches([x], 30)) for x in (a, b)), CPU)
    share, mean = values("gurnee2024", runs)
    assert 0.25 < share < 0.5
    assert 0 < mean < 1


def test_canonical_correlations_do_not_see_a_linear_map() -> None:
    generator = np.random.default_rng(0)
    x = generator.normal(size=(200, 6)) * np.array([9, 5, 3, 2, 1, 1])
    turned = x @ generator.normal(size=(6, 6))
    assert mean_canonical(x, turned, 6) == pytest.approx(1, abs=1e-9)
    y = x + generator.normal(size=x.shape)
    first = [np.linalg.svd(one - one.mean(0))[0][:, 0] for one in (x, y)]
    wanted = abs(np.corrcoef(*first)[0, 1])
    assert mean_canonical(x, y, 1) == pytest.approx(wanted, abs=1e-9)
    assert np.isnan(mean_canonical(x[:12], y[:12], 6))


def test_spaces_pair_latents_by_firing_and_need_no_common_width() -> None:
    codes = _codes(1)
    order = np.random.default_rng(3).permutation(30)
    decoder = rows(30, 5)
    turn = torch.linalg.qr(torch.randn(D, D, generator=torch.Generator().manual_seed(1)))[0]
    wide = torch.cat([decoder @ turn, torch.zeros(30, 4)], dim=1)[torch.from_numpy(order)]
    runs = ComparedRuns(
        (
            Traits({"decoder": decoder}, from_batches([codes], 30)),
            Traits({"decoder": wide}, from_batches([codes[:, order]], 30)),
        ),
        CPU,
    )
    rsa, _, one = values("lan2024", runs)
    assert rsa > 0.9  # not 1: rows are centred over dimensions, of which one run has more
    assert one == pytest.approx(1, abs=1e-6)
    generator = torch.Generator().manual_seed(0)
    shuffled = [r.value for r in PUBLISHED["lan2024"].read_by_chance(runs, generator)]
    assert abs(shuffled[0]) < 0.2


@pytest.mark.parametrize("name", sorted(PUBLISHED))
def test_every_rule_names_a_paper_of_the_bibliography_and_quotes_it(name: str) -> None:
    from universality.results.citation import references

    rule = PUBLISHED[name]
    assert rule.source in references()
    assert rule.read.__doc__ is not None
    assert (
        "arXiv:" in rule.read.__doc__
        or "code" in rule.read.__doc__.lower()
        or ("(2025)" in rule.read.__doc__)
    )


def test_rules_are_found_by_any_of_their_names_and_no_other() -> None:
    assert [rule.name for rule in rules_named(["husai", "mcs", "mcs2023"])] == [
        "husai2026",
        "mcs2023",
    ]
    assert len(rules_named(["all"])) == len(PUBLISHED)
    with pytest.raises(InvalidInputError, match=r"--rule takes all, paulo2025.*got 'nope'"):
        rules_named(["nope"])


def test_order_of_latents_and_of_runs_does_not_matter(three: ComparedRuns) -> None:
    order = torch.randperm(N, generator=torch.Generator().manual_seed(9))
    moved = Traits({view: x[order] for view, x in three.runs[0].directions.items()})
    again = ComparedRuns((three.runs[2], moved, three.runs[1]), CPU)
    for name in ("paulo2025", "agreement2025", "song2025", "husai2026", "gerasimov2026"):
        assert values(name, again) == pytest.approx(values(name, three), abs=1e-9)


def test_make_run_is_used_for_checkpoints() -> None:
    """Rows of a checkpoint are rows of the rule: nothing is normalised twice."""
    run = make_run(3 * rows(N, 1))
    both = ComparedRuns((Traits({"decoder": run.W_dec}), Traits({"decoder": rows(N, 1)})), CPU)
    assert values("song2025", both)[0] == pytest.approx(1, abs=1e-6)
