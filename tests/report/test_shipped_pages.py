"""The reports of the shipped runs, in a real browser: two seeds, and three."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from selenium.webdriver import Chrome

from tests.report.browser import Page
from universality.activations.cache import ActivationCache, open_cache
from universality.comparison import Policy, compare
from universality.evidence.pair_contexts import pair_contexts
from universality.loading import load
from universality.recurrence.study import stability
from universality.report import page
from universality.results import Comparison, Stability
from universality.runs.common_tokens import encode_runs
from universality.shipped import sample, shipped_folder

RUNS = shipped_folder()


def first_shard() -> ActivationCache:
    """Half of the shipped sample of activations."""
    cache = open_cache(sample())
    (kept, *_) = cache.meta.shards
    return replace(cache, meta=replace(cache.meta, shards=(kept,), n_tokens=kept.n_tokens))


@pytest.fixture(scope="module")
def two_seeds() -> Comparison:
    """By their decoders, with the texts on which the latents of the pairs fire."""
    a, b = (load(RUNS / f"w2304-s{seed}") for seed in range(2))
    found = compare(a, b, Policy(views=("decoder",), nulls=("isotropic",), n_draws=2))
    one, other = encode_runs((a, b), (first_shard(),) * 2, progress=False)[0]
    ordered = found.pairs.sort_values("similarity", ascending=False)
    texts = pair_contexts(ordered.head(500), one.codes, other.codes, rows=one.rows, cache=one.cache)
    return replace(found, evidence=texts)


@pytest.fixture(scope="module")
def many_runs() -> Stability:
    policy = Policy(views=("decoder",), nulls=("isotropic",), n_draws=2)
    return stability([RUNS / f"w2304-s{seed}" for seed in range(3)], policy)


@pytest.fixture(scope="module")
def opened(
    chromium: Chrome, two_seeds: Comparison, tmp_path_factory: pytest.TempPathFactory
) -> Page:
    file = tmp_path_factory.mktemp("two") / "report.html"
    file.write_text(page(two_seeds), encoding="utf-8")
    return Page(chromium, file)


def test_two_seeds_show_the_counts_texts_and_partners_of_the_tables(
    opened: Page, two_seeds: Comparison
) -> None:
    latents = two_seeds.latents_a
    for threshold in (0.45, 0.7):
        opened.choose("threshold", str(threshold))
        reaching = int((latents["partner_similarity_decoder"] >= threshold - 1e-9).sum())
        assert opened.run("return +document.getElementById('counts').dataset.count") == reaching
    opened.choose("grade", "same")
    assert opened.text("#found") == f"{reaching:,} of 2,304 latents"
    opened.choose("grade", "")
    best = int(latents["partner_similarity_decoder"].idxmax())
    assert opened.column("latent")[0] == str(best)
    opened.first_row().click()
    partner = latents["partner_decoder"][best]
    assert opened.text("#pair-title") == f"a {best} and b {partner}"
    assert opened.run("return location.hash") == f"#a/{best}"
    evidence = two_seeds.evidence
    assert evidence is not None
    own = evidence[(evidence["kind"] == "a") & (evidence["a"] == best)].iloc[0]
    token = own["tokens"][own["centre"]]
    assert opened.text("#pair .context .centre") == token
    heat = opened.run(
        "return getComputedStyle(document.querySelector('#pair .context .centre'))"
        ".getPropertyValue('--heat-a')"
    )
    assert float(heat) == 1
    codes = np.abs(own["codes_a"])
    assert np.nanmax(codes) == pytest.approx(own["code_a"])
    opened.choose("search", token.strip())
    assert str(best) in opened.column("latent")
    assert opened.errors() == []
    assert opened.requests() == []


def test_many_runs_show_their_families(
    chromium: Chrome, many_runs: Stability, tmp_path: Path
) -> None:
    file = tmp_path / "report.html"
    file.write_text(page(many_runs), encoding="utf-8")
    opened = Page(chromium, file)
    assert opened.run("return document.querySelectorAll('#matrix rect').length") == 6
    n = many_runs.summary["families"]["decoder"]["n"]
    assert f"{n:,}" in opened.text(".answer")
    opened.first_row().click()
    members = many_runs.latents[many_runs.latents["family_decoder"] == 0]
    shown = opened.text("#pair")
    assert all(str(latent) in shown for latent in members["latent"])
    assert opened.errors() == []
    assert opened.requests() == []
