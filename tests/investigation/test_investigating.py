"""All five answers on the toy language model, as planted, and what cannot be asked."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.investigation.toy_language_model import (
    FALSE,
    N_WORDS,
    NEURONS,
    REAL,
    Y,
    made_cache,
    made_language_model,
    made_run,
    made_run_on_neurons,
)
from universality.activations.row_screen import rows_alone
from universality.dictionary import Dictionary
from universality.errors import InvalidInputError, UnsupportedError
from universality.investigation.investigating import investigate
from universality.report import page
from universality.results.investigated import Investigation, read_investigation

ORDER = [5, 6, 7, REAL, 8, FALSE, 9, 10, 11, 2, 3, 4]
"""Where the latents of the second run stand: the real one is its latent 3, the decoy its 5."""
QUICK = {"n_contexts": 6, "context_length": 20, "n_controls": 3, "progress": False}


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory):
    return made_cache(tmp_path_factory.mktemp("toy") / "cache", n=16)


@pytest.fixture(scope="module")
def found(cache) -> Investigation:
    return investigate(
        made_run("a"),
        REAL,
        cache,
        others=made_run("b", ORDER),
        counterparts=(3,),
        model=made_language_model(),
        proxies=["regex:x", "regex:[ab]"],
        **QUICK,
    )


def test_it_is_specific_to_what_was_planted(found: Investigation) -> None:
    right, wrong = found.summary["proxies"]
    assert right["precision"] == right["recall"] == 1
    assert right["correlation"] == pytest.approx(1)
    assert wrong["precision"] == wrong["recall"] == 0
    assert wrong["correlation"] < 0
    for one in (right, wrong):
        assert one["precision"] * one["density"] == pytest.approx(one["recall"] * one["base_rate"])


def test_the_model_uses_it_by_way_of_the_layer_above(found: Investigation) -> None:
    effects = found.summary["effects"]
    assert effects["mean_size"] > 10 * effects["control_mean_size"]
    assert effects["n_controls_above"] == 0
    assert effects["mean_direct_size"] < 1e-6
    own = found.effects[found.effects["run"] == "a"]
    before = own["string"].shift(1)
    after_x = own[(before == "x") & (own["position"] > 1)]
    assert (after_x.loc[after_x["string"] == "y", "total"] > 0.5).all()
    assert (after_x.loc[after_x["string"] == "a", "total"] < 0).all()


def test_pinning_promotes_what_was_planted(found: Investigation) -> None:
    first = found.promoted[(found.promoted["run"] == "a") & (found.promoted["rank"] == 0)]
    assert first["token"].tolist() == [Y]
    assert first["value"].tolist() == [3]


def test_a_residual_stream_has_no_neurons_and_it_says_so(found: Investigation) -> None:
    assert found.neurons is None
    assert "no privileged basis" in found.summary["neurons"]["reason"]


def test_its_counterpart_is_alike_by_every_measure(found: Investigation) -> None:
    table = found.similarities.set_index("measure")
    # Logit weights of the feature are all 0: the head does not read it, so none are alike.
    assert table.loc[["activation", "ablation"], "value"].tolist() == pytest.approx([1, 1])
    assert table.loc[["activation", "ablation"], "held_out"].tolist() == pytest.approx([1, 1])
    assert (table.loc[["activation", "ablation"], "null_largest"] < 0.9).all()
    assert table.loc["ablation", "size_ratio"] == pytest.approx(1)
    assert (table["auroc"] == 1).all()


def test_a_decoy_passes_by_activations_and_is_exposed_by_ablation(cache) -> None:
    found = investigate(
        made_run("a"),
        REAL,
        cache,
        others=made_run("b", ORDER),
        counterparts=(5,),
        model=made_language_model(),
        **QUICK,
    )
    table = found.similarities.set_index("measure")["value"]
    assert table["activation"] == pytest.approx(1)
    assert table["ablation"] < 0.3


def test_the_counterpart_is_found_where_it_is_not_named(cache) -> None:
    """Run b without the decoy, which fires on the very same tokens."""
    order = [5, 6, 7, REAL, 8, 2, 9, 10, 11, 2, 3, 4]
    found = investigate(made_run("a"), REAL, cache, others=made_run("b", order), **QUICK)
    assert [one["latent"] for one in found.summary["subjects"]] == [REAL, 3]
    assert found.effects is None
    assert found.summary["model"] is None


def test_what_was_kept_gives_the_same_again(cache, tmp_path: Path, found: Investigation) -> None:
    made = [
        investigate(
            made_run("a"), REAL, cache, model=made_language_model(), keep=tmp_path / "k", **QUICK
        )
        for _ in range(2)
    ]
    assert made[0].controls.equals(made[1].controls)
    own = found.controls[found.controls["run"] == "a"].reset_index(drop=True)
    np.testing.assert_allclose(made[0].controls["mean_size"], own["mean_size"], atol=1e-6)


def test_saved_and_read_it_is_the_same(found: Investigation, tmp_path: Path) -> None:
    found.save(tmp_path / "out")
    again = read_investigation(tmp_path / "out")
    assert again.summary == found.summary
    assert again.similarities["value"].tolist() == pytest.approx(
        found.similarities["value"].tolist(), nan_ok=True
    )
    assert len(again.effects) == len(found.effects)


class TestOddLatents:
    def _odd(self, b_enc: torch.Tensor) -> Dictionary:
        return replace(made_run("odd"), b_enc=b_enc)

    def test_a_dead_latent_is_said_to_be_dead(self, cache) -> None:
        b_enc = torch.zeros(N_WORDS, dtype=torch.float32)
        b_enc[REAL] = -100
        found = investigate(
            self._odd(b_enc),
            REAL,
            cache,
            others=made_run("b"),
            model=made_language_model(),
            proxies="regex:x",
            **QUICK,
        )
        assert found.summary["subjects"][0]["kind"] == "dead"
        assert any("never fires" in note for note in found.summary["notes"])
        assert found.summary["not_found_in"] == ["b"]
        assert found.summary["effects"] is None
        assert found.proxies["precision"].isna().all()

    def test_one_that_always_fires_has_the_base_rate_for_precision(self, cache) -> None:
        b_enc = torch.zeros(N_WORDS, dtype=torch.float32)
        b_enc[4] = 5
        found = investigate(
            self._odd(b_enc), 4, cache, model=made_language_model(), proxies="regex:x", **QUICK
        )
        assert found.summary["subjects"][0]["kind"] == "always"
        (one,) = found.summary["proxies"]
        assert one["precision"] == pytest.approx(one["base_rate"])
        assert one["recall"] == 1

    def test_a_single_firing_is_enough(self, cache) -> None:
        """Of a latent that reads one word of one text."""
        rows = cache.shards[0]
        word = 5
        at = int((rows.tokens == word).nonzero()[0, 0])
        state = rows.activations[at].float()
        run = made_run("once")
        W_enc = run.W_enc.clone()
        W_enc[0] = state
        b_enc = torch.zeros(N_WORDS, dtype=torch.float32)
        b_enc[0] = 0.999 - float(state @ state)
        once = replace(run, W_enc=W_enc, b_enc=b_enc)
        n = int((rows.activations.float() @ state > float(state @ state) - 0.999).sum())
        found = investigate(once, 0, cache, model=made_language_model(), **QUICK)
        assert found.summary["subjects"][0]["n_fires"] >= min(n, 1)
        assert found.effects is not None


class TestRefused:
    def test_a_latent_that_is_not_there(self, cache) -> None:
        with pytest.raises(InvalidInputError, match="no latent 99: its latents are 0 to 11"):
            investigate(made_run("a"), 99, cache)

    def test_a_tokenizer_that_does_not_fit(self, cache) -> None:
        from tokenizers import Tokenizer, models
        from transformers import PreTrainedTokenizerFast

        other = PreTrainedTokenizerFast(
            tokenizer_object=Tokenizer(models.WordLevel({"q": 0}, unk_token="q"))
        )
        model = replace(made_language_model(), tokenizer=other)
        with pytest.raises(InvalidInputError, match="its tokenizer is not the one"):
            investigate(made_run("a"), REAL, cache, model=model, progress=False)

    def test_a_model_of_other_weights(self, cache) -> None:
        model = made_language_model()
        torch.manual_seed(0)
        model.module.embedding.weight.copy_(torch.randn_like(model.module.embedding.weight))
        with pytest.raises(InvalidInputError, match="median cosine of"):
            investigate(made_run("a"), REAL, cache, model=model, progress=False)

    def test_a_transcoder(self, cache) -> None:
        run = replace(made_run("t"), W_skip=torch.eye(16, dtype=torch.float32))
        with pytest.raises(UnsupportedError, match="transcoder"):
            investigate(run, REAL, cache, model=made_language_model(), progress=False)

    @pytest.mark.parametrize(
        ("proxy", "message"),
        [
            ("script:Klingon", "no character's Unicode name begins with KLINGON"),
            ("class:vowel", "known classes are digit"),
            ("regex:(", "no regular expression"),
            ("colour:red", "expected script:NAME"),
            ("regex:nothing", "holds for none of the"),
        ],
    )
    def test_a_proxy_that_is_none(self, cache, proxy: str, message: str) -> None:
        with pytest.raises(InvalidInputError, match=message):
            investigate(made_run("a"), REAL, cache, proxies=proxy, progress=False)

    def test_more_counterparts_than_runs(self, cache) -> None:
        with pytest.raises(InvalidInputError, match="2 for 1 other runs"):
            investigate(made_run("a"), REAL, cache, others=made_run("b"), counterparts=(1, 2))


def test_a_run_elsewhere_and_one_of_random_weights_stand_beside_it(cache, tmp_path: Path) -> None:
    neurons = made_cache(tmp_path / "neurons", n=16, hook=NEURONS)
    noise = replace(
        made_run("noise"), W_enc=torch.randn(12, 16, generator=torch.Generator().manual_seed(0))
    )
    found = investigate(
        made_run("a"),
        REAL,
        cache,
        elsewhere=[(made_run_on_neurons(), neurons)],
        random=(noise, cache),
        model=made_language_model(),
        proxies="regex:x",
        **QUICK,
    )
    reads = {one["run"]: one["reads"] for one in found.summary["subjects"]}
    assert reads == {"a": "here", "neurons-run": "elsewhere", "noise": "random weights"}
    assert found.summary["random_weights"] == "noise"
    apart = found.similarities[found.similarities["run"] != "a"].set_index("run")
    assert set(apart["measure"]) == {"activation"}  # nothing of what they write is asked here
    assert apart.loc["neurons-run", "value"] == pytest.approx(1)  # the neuron of x is the feature
    assert apart.loc["noise", "value"] < 0.99
    assert set(found.proxies["run"]) == set(reads)
    assert set(found.effects["run"]) == {"a"}
    assert not any("random adds one" in note for note in found.summary["notes"])
    assert any(line.startswith("Of a model with random w") for line in found.summary["answer"])
    assert "Of a model with random weights, noise" in page(found)


def test_rows_that_another_cache_lacks_take_no_part(cache, tmp_path: Path) -> None:
    other = made_cache(tmp_path / "neurons", n=16, hook=NEURONS)
    some = rows_alone(other, np.arange(0, len(other), 2))
    alone = investigate(made_run("a"), REAL, cache, **QUICK)
    found = investigate(
        made_run("a"), REAL, cache, elsewhere=[(made_run_on_neurons(), some)], **QUICK
    )
    assert found.summary["activations"]["n_tokens"] == len(some)
    assert alone.summary["activations"]["n_tokens"] == len(cache)
    assert any("--random adds one" in note for note in alone.summary["notes"])
    likeness = found.similarities.set_index("run").loc["neurons-run"]
    assert (likeness["n"], likeness["value"]) == (len(some), pytest.approx(1))


def test_tokens_in_common_are_asked_about_alone(cache, tmp_path: Path) -> None:
    fewer = made_cache(tmp_path / "fewer", n=3, hook=NEURONS)
    found = investigate(made_run("a"), REAL, cache, random=(made_run_on_neurons(), fewer), **QUICK)
    assert found.summary["activations"]["n_documents"] == 3
    assert found.summary["activations"]["n_tokens"] == len(fewer)
