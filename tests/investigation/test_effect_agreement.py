"""Pairs that look the same and do the same, or do not, on the toy language model."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.investigation.toy_language_model import (
    FALSE,
    HOOK,
    REAL,
    made_cache,
    made_language_model,
    made_run,
)
from tests.made_investigation import made_comparison_of_toys
from universality.comparison import compare
from universality.encoding.streaming import encode
from universality.errors import InvalidInputError
from universality.investigation.causal_effects import hooked_model
from universality.investigation.corpus import corpus_of
from universality.investigation.effect_agreement import (
    agreement_summary,
    effect_agreement,
    stratified_pairs,
)
from universality.investigation.subjects import CodedOver


def _pairs(n: int = 400) -> tuple[pd.DataFrame, np.ndarray]:
    generator = np.random.default_rng(0)
    similarity = generator.uniform(-0.2, 1, size=n)
    table = pd.DataFrame({"a": np.arange(n), "b": np.arange(n), "similarity": similarity})
    return table, generator.uniform(0.001, 0.1, size=n)


def test_the_sample_is_even_over_similarity_and_frequency() -> None:
    pairs, frequency = _pairs()
    sample = stratified_pairs(pairs, frequency, n=40, seed=0)
    counts = sample.groupby(["similarity_class", "frequent"]).size()
    assert counts.tolist() == [4] * 10
    edges = sample.groupby("similarity_class")["similarity"].agg(["min", "max"])
    assert (edges["max"].to_numpy()[:-1] <= edges["min"].to_numpy()[1:]).all()
    assert stratified_pairs(pairs, frequency, n=40, seed=0).equals(sample)


def test_a_small_class_leaves_its_part_to_the_others() -> None:
    pairs, frequency = _pairs()
    few = pairs[pairs["similarity"] < 0.31].head(60)
    sample = stratified_pairs(few, frequency, n=30, seed=0)
    assert len(sample) == 30
    assert not sample.duplicated(["a", "b"]).any()


def test_no_pairs_give_an_empty_sample() -> None:
    pairs, frequency = _pairs()
    assert stratified_pairs(pairs.head(0), frequency, n=5, seed=0).empty


def test_matched_pairs_do_the_same_and_random_ones_do_not(tmp_path: Path) -> None:
    found = made_comparison_of_toys(tmp_path)
    matched = found.effects[found.effects["kind"] == "matched"]
    assert matched["ablation"].dropna().to_numpy() == pytest.approx(1)
    about = found.summary["effects"]
    assert about["matched_mean"] == pytest.approx(1)
    assert about["random_mean"] < 0.9
    assert any(
        "next tokens with a mean correlation" in sentence for sentence in found.summary["answer"]
    )


def test_a_decoy_looks_the_same_and_does_something_else(tmp_path: Path) -> None:
    cache = made_cache(tmp_path / "cache")
    run = made_run("a")
    over = CodedOver("a", run, encode(run, cache, progress=False))
    pairs = pd.DataFrame({"a": [REAL, REAL], "b": [REAL, FALSE], "similarity": [1.0, 1.0]})
    at = hooked_model(made_language_model(), HOOK)
    table = effect_agreement(pairs, over, over, at, corpus_of(cache), n=2, seed=0, progress=False)
    matched = table[table["kind"] == "matched"].set_index("b")["ablation"]
    assert matched[REAL] == pytest.approx(1)
    assert matched[FALSE] < 0.3
    assert agreement_summary(table)["rank_correlation"] is None


def test_effects_need_activations_of_one_cache() -> None:
    with pytest.raises(InvalidInputError, match="--effects needs --activations"):
        compare(made_run("a"), made_run("b"), effects=made_language_model())
