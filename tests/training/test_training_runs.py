"""Folders of runs: layout, formats, resuming, and what is refused."""

import json
from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file

import universality as un
from tests.made_caches import write_cache
from universality.activations.cache import read_batches
from universality.dictionary import Dictionary
from universality.errors import InvalidInputError
from universality.training import runs
from universality.training.evaluation import evaluate
from universality.training.initialisation import initialise
from universality.training.settings import TrainingSettings
from universality.training.trainer import Trainer

SMALL = TrainingSettings(d_sae=32, k=4, n_tokens=20_000, batch_size=200)


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    generator = torch.Generator().manual_seed(0)
    tokens = torch.randn(3000, 16, generator=generator) ** 3 + 2
    return write_cache(tmp_path_factory.mktemp("made") / "cache", tokens)


def _files(folder):
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name != "training_record.json"
    }


def _record(folder):
    return json.loads((folder / "training_record.json").read_text())


def test_a_run_loads_and_its_record_holds_what_its_weights_do(cache, tmp_path):
    (folder,) = runs.train(cache, [replace(SMALL, init_seed=3, order_seed=4)], tmp_path)
    assert folder == tmp_path / "w32-s3-order4"
    dictionary, record = un.load(folder), _record(folder)
    assert (dictionary.d_sae, dictionary.d_in, dictionary.key.seed) == (32, 16, 3)
    assert dictionary.key.hook_name == "blocks.1.hook_resid_post"
    assert (record["settings"]["init_seed"], record["settings"]["order_seed"]) == (3, 4)
    assert (record["n_presentations"], record["n_unique_tokens"]) == (20_000, 3000)
    assert record["cache_sha256"] == cache.meta.sha256
    assert len(record["history"]) == 100
    assert record["history"][-1]["n_tokens"] == 20_000
    whole = evaluate(dictionary, (rows.activations for rows in read_batches(cache, 500)))
    assert record["fvu"] == pytest.approx(whole.fvu, rel=0.1)
    assert record["l0"] == pytest.approx(whole.l0, rel=0.05)


def test_sparsity_file_is_the_log_firing_rate_of_the_saved_weights(cache, tmp_path):
    (folder,) = runs.train(cache, [replace(SMALL, n_tokens=60_000)], tmp_path)
    sparsity = load_file(folder / "sparsity.safetensors")["sparsity"]
    codes = un.load(folder).encode(
        torch.cat([rows.activations for rows in read_batches(cache, 500)])
    )
    assert _record(folder)["n_evaluated"] == len(cache)
    torch.testing.assert_close(10**sparsity, (codes > 0).float().mean(dim=0))


def test_checkpoints_are_dictionaries_and_the_last_is_the_result(cache, tmp_path):
    (folder,) = runs.train(cache, [replace(SMALL, checkpoints=4)], tmp_path)
    names = sorted(int(path.name) for path in (folder / "checkpoints").iterdir())
    assert names == [5000, 10_000, 15_000, 20_000]
    early, last = (un.load(folder / "checkpoints" / str(name)) for name in (5000, 20_000))
    assert torch.equal(last.W_dec, un.load(folder).W_dec)
    assert not torch.equal(early.W_dec, last.W_dec)


def test_interrupted_run_goes_on_to_the_same_files(cache, tmp_path, monkeypatch):
    settings = replace(SMALL, checkpoints=2)
    runs.train(cache, [settings], tmp_path / "whole")
    monkeypatch.setattr(runs, "_SAVE_EVERY", 2000)
    advance = Trainer.advance

    def interrupted(self):
        if self.step == 67:
            raise KeyboardInterrupt
        advance(self)

    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "advance", interrupted)
        with pytest.raises(KeyboardInterrupt):
            runs.train(cache, [settings], tmp_path / "resumed")
    assert [path.name for path in (tmp_path / "resumed").iterdir()] == [".w32-s0.unfinished"]
    runs.train(cache, [settings], tmp_path / "resumed")
    assert _files(tmp_path / "resumed") == _files(tmp_path / "whole")
    whole, resumed = (_record(tmp_path / name / "w32-s0") for name in ("whole", "resumed"))
    assert whole | {"seconds": 0} == resumed | {"seconds": 0}


def test_finished_runs_are_left_alone(cache, tmp_path, monkeypatch):
    runs.train(cache, [SMALL], tmp_path)
    before = _files(tmp_path)
    monkeypatch.setattr(Trainer, "advance", None)
    runs.train(cache, [SMALL], tmp_path)
    assert _files(tmp_path) == before


def test_half_precision_weights(cache, tmp_path):
    (folder,) = runs.train(cache, [SMALL], tmp_path, weights_dtype=torch.float16)
    weights = load_file(folder / "sae_weights.safetensors")
    assert {tensor.dtype for tensor in weights.values()} == {torch.float16}


def test_grid_is_every_width_with_every_seed():
    settings = runs.grid(SMALL, widths=[8, 16], seeds=[0, 1], order_seeds=[0, 7])
    assert [run.name for run in settings] == ["w8-s0", "w8-s1-order7", "w16-s0", "w16-s1-order7"]
    assert runs.widths(16, expansion=[1, 2]) == [16, 32]
    assert runs.widths(16) == [64]
    assert runs.widths(16, widths=[5]) == [5]


def test_untrained_dictionary_is_isotropic_tied_and_seeded():
    def draw(seed, **options):
        generator = torch.Generator().manual_seed(seed)
        return initialise(24, 60, architecture="topk", k=4, generator=generator, **options)

    dictionary = draw(0)
    assert isinstance(dictionary, Dictionary)
    torch.testing.assert_close(dictionary.W_dec.norm(dim=1), torch.ones(60))
    assert torch.equal(dictionary.W_enc, dictionary.W_dec)
    assert not dictionary.b_enc.any()
    assert not dictionary.b_dec.any()
    assert torch.equal(draw(0).W_dec, dictionary.W_dec)
    assert float((draw(1).W_dec * dictionary.W_dec).sum(dim=1).mean()) == pytest.approx(0, abs=0.1)
    assert ((dictionary.encode(torch.randn(9, 24)) > 0).sum(dim=1) <= 4).all()


def test_evaluation_by_hand():
    identity = Dictionary(
        W_dec=torch.eye(2), W_enc=torch.eye(2), activation_fn=initialise(
            2, 2, architecture="relu", generator=torch.Generator()
        ).activation_fn,
    )  # fmt: skip
    found = evaluate(identity, [torch.tensor([[1.0, 0.0]]), torch.tensor([[3.0, -2.0]])])
    # errors 0 and 4; squared distances from the mean (2, -1): 2 and 2
    assert (found.n_tokens, found.fvu, found.l0) == (2, 1.0, 1.0)
    assert found.frequency.tolist() == [1.0, 0.0]
    assert found.dead_fraction == 0.5
    with pytest.raises(InvalidInputError, match="at least two tokens that differ"):
        evaluate(identity, [torch.ones(3, 2)])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"architecture": "tanh"}, "--architecture must be topk or relu, got 'tanh'"),
        ({"d_sae": 0}, "--d-sae must be at least 1"),
        ({"k": 33}, "--k 33 exceeds the width, d_sae=32"),
        ({"batch_size": 0}, "--batch-size must be at least 1"),
        ({"n_tokens": 0}, "--n-tokens must be at least 1"),
        ({"dead_window": 0.0}, "--dead-window must lie in"),
        ({"learning_rate": 0.0}, "--lr must be positive"),
        ({"l1": -1.0}, "--l1 must not be negative"),
        ({"checkpoints": 101}, "--checkpoints must lie between 0 and the 100 steps"),
    ],
)
def test_settings_out_of_range_name_their_flag(options, message):
    with pytest.raises(InvalidInputError, match=message):
        replace(SMALL, **options)


def test_what_cannot_be_trained_says_why(cache, tmp_path):
    with pytest.raises(InvalidInputError, match="exceeds the 3000 tokens"):
        runs.train(cache, [replace(SMALL, batch_size=5000)], tmp_path)
    with pytest.raises(InvalidInputError, match="two runs have the same width and seeds"):
        runs.train(cache, [SMALL, SMALL], tmp_path)
    with pytest.raises(InvalidInputError, match="--order-seeds needs one per seed"):
        runs.grid(SMALL, widths=[8], seeds=[0, 1], order_seeds=[0])
    with pytest.raises(InvalidInputError, match="either --expansion or --width"):
        runs.widths(8, expansion=[1], widths=[1])
    with pytest.raises(InvalidInputError, match="must be at least 1, got 0"):
        runs.widths(8, expansion=[0])
    with pytest.raises(InvalidInputError, match="architecture must be topk or relu"):
        initialise(4, 4, architecture="tanh", generator=torch.Generator())
    with pytest.raises(InvalidInputError, match="k=9 exceeds d_sae=4"):
        initialise(4, 4, architecture="topk", k=9, generator=torch.Generator())
    assert not list(tmp_path.iterdir())
