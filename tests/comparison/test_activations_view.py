"""The activations view of a comparison, on runs and tokens whose relation was planted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from tests.made_caches import write_cache
from tests.made_runs import make_run, unit_rows
from universality.activations.cache import ActivationCache
from universality.comparison import Policy, compare
from universality.errors import InvalidInputError
from universality.results import read_comparison
from universality.runs import untrained

QUICK = Policy(nulls=("isotropic",), n_draws=2, min_firing=5)


def tokens(n: int = 1_600, d: int = 16, seed: int = 7) -> torch.Tensor:
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed))


@pytest.fixture
def cache(tmp_path: Path) -> ActivationCache:
    return write_cache(tmp_path / "cache", tokens(), n_documents=20)


def test_a_permuted_copy_fires_like_the_original(cache: ActivationCache) -> None:
    decoder = unit_rows(80, 16, seed=0)
    order = torch.randperm(80, generator=torch.Generator().manual_seed(5))
    comparison = compare(make_run(decoder), make_run(decoder[order]), QUICK, activations=cache)
    summary = comparison.summary
    found = summary["views"]["activations"]
    assert found["assignment"]["mean"] == pytest.approx(1, abs=1e-9)
    assert found["assignment"]["certified"]
    assert found["assignment"]["null_mean"] < 0.3
    assert list(found["nulls"]) == ["tokens"]
    assert list(summary["views"]["decoder"]["nulls"]) == ["isotropic"]
    agreement = summary["agreement"]["decoder_activations"]
    assert agreement["value"] == 1.0
    assert agreement["null"] < 0.1
    assert summary["a"]["alive_source"] == "fires on 5 or more of 1600 tokens"
    assert summary["activations"]["n_tokens"] == 1_600
    expected = np.empty(80, dtype=int)
    expected[order.numpy()] = np.arange(80)
    assert comparison.latents_a["partner_activations"].tolist() == expected.tolist()
    assert {"mean_active", "own_nearest_similarity_activations"} <= set(comparison.latents_a)
    np.testing.assert_allclose(
        10 ** comparison.latents_a["log_density"], comparison.latents_a["frequency"]
    )
    assert comparison.latents_a["p_bound_activations"].dropna().between(0, 1).all()
    assert comparison.latents_a["above_chance_activations"].mean() > 0.9
    pairs = comparison.pairs.query("view == 'decoder'")
    assert pairs["similarity_activations"].to_numpy() == pytest.approx(1, abs=1e-9)
    assert set(comparison.curves["view"]) >= {"decoder", "encoder", "activations"}


def test_cross_view_held_out_and_evidence_are_in_the_result(
    cache: ActivationCache, tmp_path: Path
) -> None:
    decoder = unit_rows(40, 16, seed=0)
    other = torch.cat([decoder[:20], unit_rows(20, 16, seed=1)])
    comparison = compare(make_run(decoder), make_run(other), QUICK, activations=cache)
    bins = comparison.summary["cross_view"]
    assert sum(one["n_pairs"] for one in bins) == 40
    assert bins[-1]["decoder"] == [0.9, 1.0]
    assert bins[-1]["mean"] > bins[0]["mean"] + 0.3
    held_out = comparison.summary["held_out"]
    assert held_out["drop"] == pytest.approx(
        held_out["mean_fit"] - held_out["mean_held_out"], abs=1e-9
    )
    assert 0 < held_out["drop"] < 0.2
    assert held_out["silent_fraction"] == 0
    comparison.save(tmp_path / "out")
    saved = read_comparison(tmp_path / "out")
    assert saved.held_out is not None
    assert saved.evidence is not None
    assert len(saved.held_out) == 80
    pairs = comparison.pairs.query("view == 'activations'")
    assert set(zip(saved.evidence["a"], saved.evidence["b"], strict=True)) == set(
        zip(pairs["a"], pairs["b"], strict=True)
    )
    strongest = saved.evidence.query("kind == 'a' and rank == 0")
    assert all(row.tokens[row.centre].startswith(" w") for row in strongest.itertuples())


def test_unrelated_runs_lie_on_the_tokens_null(tmp_path: Path) -> None:
    hidden = tokens(d=32)
    a = write_cache(tmp_path / "a", hidden[:, :16], n_documents=20)
    b = write_cache(tmp_path / "b", hidden[:, 16:], n_documents=20)
    runs = [make_run(unit_rows(80, 16, seed=seed)) for seed in (1, 2)]
    policy = Policy(nulls=("isotropic",), n_draws=8, min_firing=5, views=("activations",))
    found = compare(*runs, policy, activations=(a, b)).summary["views"]["activations"]
    for statistic in (*found["greedy"].values(), found["assignment"]):
        assert abs(statistic["mean"] - statistic["null_mean"]) < 5 * statistic["null_sd"]


def test_runs_of_different_width_meet_in_their_activations_alone(tmp_path: Path) -> None:
    hidden = tokens()
    turn = torch.linalg.qr(torch.randn(24, 16, generator=torch.Generator().manual_seed(1))).Q
    caches = [
        write_cache(tmp_path / name, rows, n_documents=20)
        for name, rows in (("a", hidden), ("b", hidden @ turn.T))
    ]
    decoder = unit_rows(80, 16, seed=0)
    comparison = compare(make_run(decoder), make_run(decoder @ turn.T), QUICK, activations=caches)
    assert list(comparison.summary["views"]) == ["activations"]
    assert comparison.summary["views"]["activations"]["assignment"]["mean"] > 0.98
    checks = {check["id"]: check for check in comparison.summary["checks"]}
    assert checks["spaces"]["status"] == "warn"
    assert "only the activations view applies" in checks["spaces"]["message"]
    with pytest.raises(InvalidInputError, match="different spaces"):
        compare(
            make_run(decoder),
            make_run(decoder @ turn.T),
            Policy(views=("decoder",)),
            activations=caches,
        )


def test_few_tokens_are_called_few_with_the_size_of_the_null(tmp_path: Path) -> None:
    cache = write_cache(tmp_path / "cache", tokens(n=200), n_documents=10)
    run = make_run(unit_rows(40, 16, seed=0))
    comparison = compare(run, run, QUICK, activations=cache)
    check = next(c for c in comparison.summary["checks"] if c["id"] == "few_tokens")
    assert check["status"] == "warn"
    null = comparison.summary["views"]["activations"]["greedy"]["a_to_b"]["null_mean"]
    assert check["value"] == pytest.approx(null)
    assert "finite-token null" in check["message"]


def test_the_untrained_floor_of_long_caches_is_drawn_on_their_beginning(
    cache: ActivationCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(untrained, "MOST_PRODUCTS", 0.5 * 1_600 * 80 * 16)
    run = make_run(unit_rows(80, 16, seed=0))
    policy = Policy(
        nulls=("untrained",), n_draws=2, min_firing=5, views=("activations",), held_out=False
    )
    nulls = compare(run, run, policy, activations=cache).summary["views"]["activations"]["nulls"]
    expected = "2 draws at full width, on the first 800 of 1,600 tokens"
    assert nulls["untrained"]["draws"] == expected


def test_one_document_is_compared_without_holding_any_out(tmp_path: Path) -> None:
    cache = write_cache(tmp_path / "cache", tokens(n=400), n_documents=1)
    run = make_run(unit_rows(40, 16, seed=0))
    comparison = compare(run, run, QUICK, activations=cache)
    assert "held_out" not in comparison.summary
    assert comparison.held_out is None
    check = next(c for c in comparison.summary["checks"] if c["id"] == "documents")
    assert check["status"] == "warn"


def test_silent_latents_take_no_part(tmp_path: Path) -> None:
    decoder = unit_rows(40, 16, seed=0)
    quiet = decoder.clone()
    cache = write_cache(tmp_path / "cache", tokens(n=400), n_documents=10)
    comparison = compare(
        make_run(decoder),
        make_run(quiet),
        Policy(nulls=("isotropic",), n_draws=2, min_firing=40),
        activations=cache,
    )
    fires = comparison.latents_a["frequency"] * 400 >= 40
    pd.testing.assert_series_equal(comparison.latents_a["alive"], fires, check_names=False)
    assert not fires.all()
    assert (comparison.latents_a.loc[~fires, "partner_decoder"] == -1).all()


@pytest.mark.parametrize("measure", ["cosine", "jaccard"])
def test_other_measures_find_the_copy_too(cache: ActivationCache, measure: str) -> None:
    run = make_run(unit_rows(40, 16, seed=0))
    policy = Policy(
        nulls=("isotropic",), n_draws=2, min_firing=5, views=("activations",), measure=measure
    )
    summary = compare(run, run, policy, activations=cache.path).summary
    assert summary["activations"]["measure"] == measure
    assert summary["views"]["activations"]["assignment"]["mean"] == pytest.approx(1, abs=1e-9)


def test_what_does_not_fit_is_refused(cache: ActivationCache) -> None:
    run = make_run(unit_rows(40, 16, seed=0))
    with pytest.raises(InvalidInputError, match="pass a cache with --activations DIR"):
        compare(run, run, Policy(views=("activations",)))
    with pytest.raises(InvalidInputError, match="got 3"):
        compare(run, run, QUICK, activations=[cache, cache, cache])
    with pytest.raises(
        InvalidInputError, match=r"--min-firing\) must be a whole number of at least 1"
    ):
        Policy(min_firing=0)


def test_kept_codes_give_the_same_comparison(cache: ActivationCache, tmp_path: Path) -> None:
    run = make_run(unit_rows(40, 16, seed=0))
    first, again = (
        compare(run, run, QUICK, activations=cache, codes=tmp_path / "codes") for _ in range(2)
    )
    pd.testing.assert_frame_equal(first.pairs, again.pairs)
    assert len(list((tmp_path / "codes").glob("codes-*/codes.json"))) == 1


def test_untrained_runs_lie_on_the_untrained_floor_and_above_the_tokens_null(
    cache: ActivationCache,
) -> None:
    """Random dictionaries picture the same tokens: they fire alike though nothing was learnt."""
    runs = [make_run(unit_rows(80, 16, seed=seed)) for seed in (1, 2)]
    policy = Policy(
        nulls=("untrained",), n_draws=8, min_firing=5, views=("activations",), held_out=False
    )
    found = compare(*runs, policy, activations=cache).summary["views"]["activations"]
    floor, tokens = (found["nulls"][name]["assignment.mean"] for name in ("untrained", "tokens"))
    assert abs(found["assignment"]["mean"] - floor["mean"]) < 4 * floor["sd"]
    assert floor["mean"] > tokens["mean"] + 0.1
    assert found["assignment"]["null_mean"] == tokens["mean"]
