from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import save_file

from tests.made_caches import write_cache
from universality.activations.cache import ActivationCache
from universality.codes import from_batches
from universality.evidence.pair_contexts import pair_contexts
from universality.evidence.trace import FiringTrace
from universality.evidence.weaker_firings import QUANTILES, by_interval, by_quantile


@pytest.fixture
def cache(tmp_path: Path) -> ActivationCache:
    return write_cache(tmp_path / "cache", torch.zeros(100, 4), n_documents=5)


def evidence(a: np.ndarray, b: np.ndarray, cache: ActivationCache, **options: int) -> pd.DataFrame:
    pairs = pd.DataFrame({"a": np.arange(a.shape[1]), "b": np.arange(a.shape[1])})
    return pair_contexts(
        pairs,
        from_batches([a], a.shape[1]),
        from_batches([b], b.shape[1]),
        rows=np.arange(len(cache)),
        cache=cache,
        **options,
    )


def test_contexts_are_those_of_the_strongest_tokens(cache: ActivationCache) -> None:
    a, b = np.zeros((100, 1)), np.zeros((100, 1))
    a[[10, 30, 50, 70], 0] = [1, 4, 3, 2]
    b[[30, 50, 90], 0] = [5, 6, 7]
    table = evidence(a, b, cache)
    by_kind = {kind: part["row"].tolist() for kind, part in table.groupby("kind")}
    strongest = {"a": [30, 50, 70, 10], "b": [90, 50, 30], "only_a": [70, 10], "only_b": [90]}
    assert {kind: by_kind[kind] for kind in strongest} == strongest
    assert (by_kind["interval_a"], by_kind["interval_b"]) == ([50, 70, 10], [30])
    assert by_kind["quantile_a"] == [50, 70, 70]
    assert "quantile_b" not in by_kind  # three firings have no quartiles
    weak = table[table["kind"] == "interval_a"].set_index("rank")
    assert weak["share"].to_dict() == {1: 0.25, 2: 0.25, 3: 0.25}
    assert table.loc[table["kind"] == "a", "share"].isna().all()
    row = table[(table["kind"] == "a") & (table["rank"] == 0)].iloc[0]
    assert (row["code_a"], row["code_b"]) == (4, 5)
    assert row["document"] == "text 1"
    assert row["tokens"][row["centre"]] == " w30"
    assert len(row["tokens"]) == 20
    np.testing.assert_array_equal(row["codes_a"], a[20:40, 0])
    np.testing.assert_array_equal(row["codes_b"], b[20:40, 0])
    assert (table["n_only_a"] == 2).all()
    assert (table["n_only_b"] == 1).all()
    assert table["overlap"].iloc[0] == pytest.approx(2 / 3)


def test_contexts_stay_within_their_document(cache: ActivationCache) -> None:
    a = np.zeros((100, 1))
    a[[20, 39], 0] = [2, 1]
    table = evidence(a, a, cache)
    words = [[f" w{i % 50}" for i in range(20, 31)], [f" w{i}" for i in range(20, 40)]]
    assert table.loc[table["kind"] == "a", "tokens"].tolist() == words
    assert (table["overlap"] == 1).all()
    assert {"only_a", "only_b"}.isdisjoint(table["kind"])


def test_tokens_whose_rows_were_dropped_have_no_code(tmp_path: Path) -> None:
    cache = write_cache(tmp_path / "kept", torch.zeros(40, 4), n_documents=1)
    # The model read two tokens before every row, which the cache dropped.
    dropped = write_cache(tmp_path / "dropped", torch.zeros(40, 4), n_documents=1, first=2)
    save_file(
        {"tokens": torch.arange(42) % 50, "starts": torch.tensor([0, 42])},
        dropped.path / "tokens.safetensors",
    )
    a = np.zeros((100, 1))
    a[[0, 5], 0] = [2, 1]
    for one, missing in ((cache, 0), (dropped, 2)):
        row = evidence(a[:40], a[:40], one).iloc[0]
        assert np.isnan(row["codes_a"]).sum() == missing
        assert row["codes_a"][row["centre"]] == 2
        assert row["codes_a"][row["centre"] + 5] == 1
        assert row["centre"] == missing


def test_the_table_stays_small(cache: ActivationCache) -> None:
    values = np.random.default_rng(0).random((100, 40))
    table = evidence(values, values, cache, n_pairs=7)
    assert table["a"].nunique() == 7


def test_weaker_firings_are_of_their_interval_and_quartile() -> None:
    """A latent that fires 0.1, 0.2 ... 10: a quarter of its codes is in each interval."""
    latent = FiringTrace(np.arange(100), np.arange(1, 101) / 10)
    intervals, quantiles = by_interval(latent), by_quantile(latent)
    assert intervals.ranks == [1, 2, 3]
    for rank, token in zip(intervals.ranks, intervals.tokens, strict=True):
        share = latent.at(np.array([token]))[0] / 10
        assert 1 - (rank + 1) / 4 <= share <= 1 - rank / 4
    np.testing.assert_allclose(intervals.shares, 0.25, atol=0.011)
    codes = latent.at(quantiles.tokens)
    np.testing.assert_allclose(codes, np.quantile(latent.values, QUANTILES), atol=0.1)


def test_a_latent_that_never_fires_has_no_weaker_firings() -> None:
    silent = FiringTrace(np.empty(0, dtype=np.int64), np.empty(0))
    assert by_interval(silent).tokens.size == by_quantile(silent).tokens.size == 0


def test_ten_different_texts_are_kept_where_either_is_strongest(cache: ActivationCache) -> None:
    """Of latents that agree, that agree in part, and that share no strong token."""
    a, b = np.zeros((100, 3)), np.zeros((100, 3))
    a[:40] = np.arange(40, 0, -1)[:, None]
    b[:40, 0], b[2:42, 1], b[50:90, 2] = (np.arange(40, 0, -1),) * 3
    table = evidence(a, b, cache)
    for _, pair in table[table["kind"].isin(["a", "b"])].groupby("a"):
        assert pair["row"].nunique() in (10, 11)
