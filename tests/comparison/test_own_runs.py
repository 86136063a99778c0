"""The floor of a run's own latents: planted, in every view, in every output."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.optimize import linear_sum_assignment

from tests.made_caches import write_cache
from tests.made_runs import make_run, unit_rows
from universality.comparison import Policy, compare
from universality.comparison.answer import answer
from universality.results import Comparison

QUICK = Policy(nulls=("isotropic",), n_draws=2)


def twins(n: int, d: int, *, seed: int, cosine: float) -> torch.Tensor:
    """Half of the latents are so close to the other half; all else is far apart."""
    basis = torch.linalg.qr(unit_rows(d, d, seed=seed))[0]
    first, second = basis[: n // 2], basis[n // 2 : n]
    return torch.cat([first, cosine * first + (1 - cosine**2) ** 0.5 * second])


def shares(comparison: Comparison, view: str, run: str) -> dict[float, float]:
    own = comparison.summary["views"][view]["own_run"][run]
    return {row["threshold"]: row["value"] for row in own["shares"]}


def test_twins_within_a_run_are_its_floor_and_the_other_run_has_its_own() -> None:
    a = make_run(twins(20, 40, seed=0, cosine=0.8), unit_rows(20, 40, seed=1))
    b = make_run(twins(20, 40, seed=2, cosine=0.6), unit_rows(20, 40, seed=3))
    comparison = compare(a, b, QUICK)
    own = comparison.summary["views"]["decoder"]["own_run"]
    assert own["a"]["mean"] == pytest.approx(0.8, abs=1e-6)
    assert own["b"]["greedy_mean"] == pytest.approx(0.6, abs=1e-6)
    assert own["a"]["certified"]
    assert shares(comparison, "decoder", "a")[0.7] == 1.0
    assert shares(comparison, "decoder", "b")[0.7] == 0.0
    row = next(row for row in comparison.summary["shared"] if row["threshold"] == 0.7)
    assert row["decoder"]["own_run"] == {"a": 1.0, "b": 0.0}
    assert row["decoder_and_encoder"]["own_run"] == {"a": 0.0, "b": 0.0}
    assert "different latents of one run 0.0%" in comparison.summary["answer"][0]
    assert answer(comparison.summary) == comparison.summary["answer"]


def test_the_floor_is_the_best_assignment_off_the_diagonal() -> None:
    rows = unit_rows(60, 8, seed=0)
    comparison = compare(make_run(rows), make_run(unit_rows(50, 8, seed=1)), QUICK)
    cosines = (rows @ rows.T).double().numpy()
    np.fill_diagonal(cosines, -9)
    best = cosines[linear_sum_assignment(cosines, maximize=True)]
    own = comparison.summary["views"]["decoder"]["own_run"]["a"]
    assert own["mean"] == pytest.approx(best.mean(), abs=1e-6)
    curve = comparison.curves.query("view == 'decoder' and rule == 'assignment'")
    at = curve["threshold"].to_numpy()
    expected = (best[:, None] >= at - 1e-9).mean(axis=0)
    np.testing.assert_allclose(curve["own_a_fraction"], expected, atol=0.02)
    greedy = comparison.curves.query("view == 'decoder' and rule == 'greedy_ba'")
    nearest = cosines.max(axis=1)
    expected = (nearest[:, None] >= at - 1e-9).mean(axis=0)
    np.testing.assert_allclose(greedy["own_a_fraction"], expected, atol=0.02)


def test_latents_that_fire_on_one_token_are_seen_in_activations_alone(tmp_path) -> None:  # type: ignore[no-untyped-def]
    """Three encoder rows share a direction that one token in thirty shows at forty-fold size."""
    generator = torch.Generator().manual_seed(0)
    tokens = torch.randn(1200, 24, generator=generator)
    heavy = torch.nn.functional.normalize(torch.randn(24, generator=generator), dim=0)
    tokens[torch.rand(1200, generator=generator) < 1 / 30] += 40 * heavy
    write_cache(tmp_path / "cache", tokens, n_documents=30)
    runs = []
    for seed in (1, 2):
        encoder = unit_rows(24, 24, seed=seed)
        encoder[:3] = torch.nn.functional.normalize(encoder[:3] + heavy, dim=1)
        runs.append(make_run(unit_rows(24, 24, seed=seed + 10), encoder))
    policy = Policy(nulls=("isotropic",), n_draws=2, min_firing=2)
    comparison = compare(*runs, policy, activations=tmp_path / "cache")
    row = next(row for row in comparison.summary["shared"] if row["threshold"] == 0.7)
    floor = row["activations"]["own_run"]["a"]
    assert floor >= 0.1
    assert row["activations"]["null"] < floor / 2
    assert row["decoder"]["own_run"]["a"] == 0.0
    found = comparison.summary["leverage"]
    own = comparison.pairs.query("view == 'activations' and similarity >= 0.7")
    assert found["n_pairs"] == len(own) > 0
    left = own["similarity_without_activations"] >= 0.7
    assert found["lost"] == pytest.approx(1 - left.mean())
    assert {check["id"] for check in comparison.summary["checks"]} >= {"leverage"}
    assert own["carrying_tokens_activations"].ge(1).all()


def test_a_lone_latent_has_no_floor_and_no_one_minds() -> None:
    comparison = compare(
        make_run(unit_rows(1, 4, seed=0)), make_run(unit_rows(3, 4, seed=1)), QUICK
    )
    own = comparison.summary["views"]["decoder"]["own_run"]
    assert own["a"] is None
    assert own["b"]["certified"]
    assert comparison.curves["own_a_fraction"].isna().all()


def test_one_draw_more_or_less_is_no_wonder() -> None:
    """Sentences on means say where the draws lie, not how many standard deviations of four."""
    a, b = (make_run(unit_rows(100, 16, seed=seed)) for seed in (1, 2))
    means = [
        text for text in compare(a, b, Policy(nulls=("haar",))).summary["answer"] if "mean" in text
    ]
    assert all(" sd " not in text for text in means)
    same = compare(a, a, QUICK).summary["answer"]
    assert any("above every one of 2 draws; normalised excess 1.00" in text for text in same)
