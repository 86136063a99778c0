"""What a comparison keeps behind its pairs: activations, and logit weights of an unembedding."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.made_caches import write_cache
from tests.made_runs import make_run, unit_rows
from universality.activations.cache import ActivationCache
from universality.comparison import Policy, compare
from universality.comparison.behind_pairs import open_unembedding
from universality.errors import InvalidInputError, MissingFileError
from universality.models.unembedding import Unembedding
from universality.report import page
from universality.results import Comparison, read_comparison

QUICK = Policy(nulls=("isotropic",), n_draws=2, min_firing=2, held_out=False)


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> ActivationCache:
    tokens = torch.randn(400, 8, generator=torch.Generator().manual_seed(7))
    return write_cache(tmp_path_factory.mktemp("cache") / "one", tokens, n_documents=5)


@pytest.fixture(scope="module")
def comparison(cache: ActivationCache, tmp_path_factory: pytest.TempPathFactory) -> Comparison:
    """A run against the same one turned round, with a file as unembedding, saved and read."""
    folder = tmp_path_factory.mktemp("result")
    np.save(folder / "unembedding.npy", unit_rows(50, 8, seed=3).numpy())
    rows = unit_rows(20, 8, seed=0)
    made = compare(
        make_run(rows),
        make_run(rows.flip(0)),
        QUICK,
        activations=cache,
        unembedding=folder / "unembedding.npy",
    )
    made.save(folder / "saved")
    return read_comparison(folder / "saved")


def test_a_copy_fires_and_writes_as_the_original(comparison: Comparison) -> None:
    assert comparison.summary["unembedding"] == "unembedding.npy"
    together, logits = comparison.pair_activations, comparison.pair_logits
    assert together is not None
    assert logits is not None
    assert set(zip(together["a"], together["b"], strict=True)) == {(i, 19 - i) for i in range(20)}
    for row in together.itertuples():
        np.testing.assert_allclose(row.codes_a, row.codes_b, atol=1e-6)
    np.testing.assert_allclose(logits["correlation"], 1, atol=1e-6)


def test_latents_without_a_partner_have_texts_too(cache: ActivationCache) -> None:
    rows = unit_rows(20, 8, seed=0)
    made = compare(make_run(rows), make_run(rows[:12]), QUICK, activations=cache)
    assert made.evidence is not None
    latents = made.latents_a
    assert (latents["partner_activations"] < 0).sum() == 8
    assert set(made.evidence.loc[made.evidence["kind"] == "a", "a"]) == set(range(20))
    alone = latents[latents["partner_activations"] < 0].set_index("latent")["nearest_activations"]
    beside = made.evidence.set_index("a")["b"].loc[alone.index].groupby("a").first()
    assert beside.to_dict() == alone.to_dict()


def test_histograms_count_the_tokens_of_the_latent_table(comparison: Comparison) -> None:
    assert comparison.histograms is not None
    for side, latents in (("a", comparison.latents_a), ("b", comparison.latents_b)):
        own = comparison.histograms[comparison.histograms["side"] == side]
        fires = own["counts"].map(sum).to_numpy()
        np.testing.assert_allclose(fires / 400, latents["frequency"][own["latent"]])


def test_tokens_of_the_logits_are_named_by_the_cache(comparison: Comparison) -> None:
    assert comparison.logits is not None
    assert len(comparison.logits) == 40
    top = comparison.logits.iloc[0]
    weights = unit_rows(50, 8, seed=3) @ unit_rows(20, 8, seed=0)[top["latent"]]
    assert top["tokens"][0] == f" w{int(weights.argmax())}"
    assert top["weights"][0] == pytest.approx(float(weights.max()), abs=1e-6)


def test_the_page_of_a_real_result_carries_all_of_it(comparison: Comparison) -> None:
    text = page(comparison)
    for name in ("contexts", "histograms", "together", "logits", "logits_together"):
        assert f'"{name}":{{' in text
    assert "pair_logits.parquet" in text


def test_runners_up_are_the_second_nearest(comparison: Comparison) -> None:
    cosines = unit_rows(20, 8, seed=0) @ unit_rows(20, 8, seed=0).flip(0).T
    expected = cosines.sort(dim=1, descending=True).indices[:, 1]
    assert comparison.latents_a["runner_up_decoder"].tolist() == expected.tolist()


def test_an_unembedding_that_does_not_fit_is_refused_at_once() -> None:
    a, b = make_run(unit_rows(4, 8, seed=0)), make_run(unit_rows(4, 6, seed=0))
    ready = Unembedding(torch.zeros(3, 6), ("x", "y", "z"), "made")
    assert open_unembedding(None, (a, b), caches=()) is None
    assert open_unembedding(ready, (b, b), caches=()) is ready
    with pytest.raises(InvalidInputError, match="the runs write in 8 and in 6 dimensions"):
        open_unembedding(ready, (a, b), caches=())
    with pytest.raises(InvalidInputError, match="rows of width 6, the runs write in 8"):
        open_unembedding(ready, (a, a), caches=())
    with pytest.raises(MissingFileError, match=r"--unembedding .*nowhere\.npy: no such file"):
        open_unembedding("nowhere.npy", (a, a), caches=())
