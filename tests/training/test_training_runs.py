"""Folders of runs: layout, formats, resuming, and what is refused."""

import json
from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file

import universality as un
from tests.made_caches import write_cache
from universality.activation_functions import ReLU
from universality.activations.cache import read_activations, read_batches
from universality.checks.provenance import check_context_length, check_dataset
from universality.dictionary import Dictionary
from universality.errors import InvalidInputError, OutputError
from universality.training import one_run, runs
from universality.training.architectures import ReLURecipe, TopKRecipe, make_architecture
from universality.training.evaluation import evaluate
from universality.training.inputs import Presentations, split_rows
from universality.training.settings import TrainingSettings
from universality.training.start import untrained
from universality.training.trainer import Trainer

SMALL = TrainingSettings(
    d_sae=32, architecture=TopKRecipe(4), n_tokens=20_000, batch_size=200, held_out=0.0
)


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    generator = torch.Generator().manual_seed(0)
    tokens = torch.randn(3000, 16, generator=generator) ** 3 + 2
    return write_cache(tmp_path_factory.mktemp("made") / "cache", tokens)


def _files(folder):
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name != "training_environment.json"
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
    monkeypatch.setattr(one_run, "_SAVE_EVERY", 2000)
    advance = Trainer.advance

    def interrupted(self):
        if self.step == 67:
            raise KeyboardInterrupt
        advance(self)

    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "advance", interrupted)
        with pytest.raises(KeyboardInterrupt):
            runs.train(cache, [settings], tmp_path / "resumed")
    left = sorted(path.name for path in (tmp_path / "resumed").iterdir())
    assert left == [".w32-s0.unfinished", "grid.json"]
    runs.train(cache, [settings], tmp_path / "resumed")
    assert _files(tmp_path / "resumed") == _files(tmp_path / "whole")


def test_finished_runs_are_left_alone(cache, tmp_path, monkeypatch):
    runs.train(cache, [SMALL], tmp_path)
    before = _files(tmp_path)
    monkeypatch.setattr(Trainer, "advance", None)
    runs.train(cache, [SMALL], tmp_path)
    assert _files(tmp_path) == before


@pytest.mark.parametrize("finished", [True, False], ids=["finished", "unfinished"])
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"architecture": TopKRecipe(5)}, "k was 4, is now 5"),
        ({"learning_rate": 1e-3}, "learning_rate was 0.002, is now 0.001"),
        ({"n_tokens": 30_000}, "n_tokens was 20000, is now 30000"),
        ({"start": "seed"}, "start was .seed_and_width., is now .seed."),
        ({"architecture": ReLURecipe()}, "architecture was .topk., is now .relu."),
    ],
)
def test_another_recipe_is_refused_by_name_and_value(
    cache, tmp_path, monkeypatch, finished, options, message
):
    _begin(cache, tmp_path, monkeypatch, finished=finished)
    before = _files(tmp_path)
    with pytest.raises(OutputError, match=message):
        runs.train(cache, [replace(SMALL, **options)], tmp_path)
    assert _files(tmp_path) == before


@pytest.mark.parametrize("finished", [True, False], ids=["finished", "unfinished"])
def test_another_cache_or_number_format_is_refused(cache, tmp_path, monkeypatch, finished):
    _begin(cache, tmp_path / "out", monkeypatch, finished=finished)
    other = write_cache(tmp_path / "other", torch.randn(3000, 16))
    message = f"cache_sha256 was .{cache.meta.sha256}., is now .{other.meta.sha256}."
    with pytest.raises(OutputError, match=message):
        runs.train(other, [SMALL], tmp_path / "out")
    with pytest.raises(OutputError, match=r"weights_dtype was .float32., is now .float16."):
        runs.train(cache, [SMALL], tmp_path / "out", weights_dtype=torch.float16)


def _begin(cache, out, monkeypatch, *, finished):
    """The small run, whole or stopped at its 50th step."""
    with monkeypatch.context() as patch:
        patch.setattr(one_run, "_SAVE_EVERY", 2000)
        if not finished:
            advance = Trainer.advance

            def stopped(self):
                if self.step == 50:
                    raise KeyboardInterrupt
                advance(self)

            patch.setattr(Trainer, "advance", stopped)
            with pytest.raises(KeyboardInterrupt):
                runs.train(cache, [SMALL], out)
        else:
            runs.train(cache, [SMALL], out)


def test_a_record_of_the_first_schema_is_the_older_rule(cache, tmp_path):
    older = replace(SMALL, start="seed", clip_norm=0.0)
    (folder,) = runs.train(cache, [older], tmp_path)
    record = _record(folder)
    for name in ("start", "clip_norm", "bias_start", "held_out"):
        del record["settings"][name]
    record["settings"]["l1"] = 5.0
    for name in ("depends_on", "digest"):
        del record[name]
    (folder / "training_record.json").write_text(json.dumps(record))
    with pytest.raises(OutputError, match=r"start was .seed., is now .seed_and_width."):
        runs.train(cache, [SMALL], tmp_path)


def test_a_folder_of_the_user_is_not_taken_for_a_run(cache, tmp_path):
    (tmp_path / "w32-s0").mkdir()
    (tmp_path / "w32-s0" / "thesis.txt").write_text("x")
    with pytest.raises(OutputError, match=r"holds no training_record.json"):
        runs.train(cache, [SMALL], tmp_path)
    assert (tmp_path / "w32-s0" / "thesis.txt").read_text() == "x"


def test_a_file_put_beside_an_unfinished_run_stays(cache, tmp_path, monkeypatch):
    _begin(cache, tmp_path, monkeypatch, finished=False)
    note = tmp_path / ".w32-s0.unfinished" / "note.txt"
    note.write_text("x")
    (folder,) = runs.train(cache, [SMALL], tmp_path)
    assert note.read_text() == "x"
    assert [path.name for path in note.parent.iterdir()] == ["note.txt"]
    assert un.load(folder).d_sae == 32


def test_config_says_where_the_tokens_came_from_and_in_which_order(cache, tmp_path):
    same, other, seen = runs.train(
        cache,
        [SMALL, replace(SMALL, order_seed=1), replace(SMALL, init_seed=1, order_seed=0)],
        tmp_path,
    )
    metadata = json.loads((same / "cfg.json").read_text())["metadata"]
    record = _record(same)
    assert metadata["context_size"] == cache.meta.context
    assert metadata["dataset_path"] == f"text sha256 {cache.meta.text_sha256}"
    assert (metadata["init_seed"], metadata["order_seed"]) == (0, 0)
    assert metadata["order_sha256"] == record["order_sha256"]
    assert metadata["training_digest"] == record["digest"]
    assert _record(other)["order_sha256"] != record["order_sha256"]
    assert _record(seen)["order_sha256"] == record["order_sha256"]
    assert un.load(same).key.dataset == un.load(other).key.dataset
    for check in (check_dataset, check_context_length):
        assert check(un.load(same), un.load(other)).status == "ok"


def test_held_out_tokens_are_never_shown_and_judge_the_run(cache, tmp_path):
    split = split_rows(cache, 0.3)
    assert len(split.held_out) == 900
    assert sorted(torch.cat([split.training, split.held_out]).tolist()) == list(range(3000))
    shown = Presentations(split.training, batch_size=100, order_seed=0).between(0, 6300)
    assert not set(shown.tolist()) & set(split.held_out.tolist())
    documents = torch.cat([shard.documents for shard in cache.shards])
    assert len(documents[split.held_out].unique()) == 2  # one whole, the end of another
    (folder,) = runs.train(cache, [replace(SMALL, held_out=0.3)], tmp_path)
    x = read_activations(cache, split.held_out).float()
    dictionary = un.load(folder)
    error = (dictionary.decode(dictionary.encode(x)) - x).double().square().sum()
    expected = float(error / (x - x.mean(dim=0)).double().square().sum())
    assert _record(folder)["held_out"]["fvu"] == pytest.approx(expected, rel=1e-5)
    assert _record(folder)["held_out"]["n_tokens"] == 900


def test_half_precision_weights(cache, tmp_path):
    (folder,) = runs.train(cache, [SMALL], tmp_path, weights_dtype=torch.float16)
    weights = load_file(folder / "sae_weights.safetensors")
    assert {tensor.dtype for tensor in weights.values()} == {torch.float16}


def test_untrained_dictionary_is_isotropic_tied_and_seeded():
    def draw(seed, **options):
        return untrained(replace(SMALL, d_sae=60, init_seed=seed, **options), 24)

    dictionary = draw(0)
    assert isinstance(dictionary, Dictionary)
    torch.testing.assert_close(dictionary.W_dec.norm(dim=1), torch.ones(60))
    assert torch.equal(dictionary.W_enc, dictionary.W_dec)
    assert not dictionary.b_enc.any()
    assert not dictionary.b_dec.any()
    assert torch.equal(draw(0).W_dec, dictionary.W_dec)
    assert float((draw(1).W_dec * dictionary.W_dec).sum(dim=1).mean()) == pytest.approx(0, abs=0.1)
    assert ((dictionary.encode(torch.randn(9, 24)) > 0).sum(dim=1) <= 4).all()


@pytest.mark.parametrize(("start", "shared"), [("seed_and_width", 0.0), ("seed", 1.0)])
def test_starts_of_one_seed_and_two_widths_are_independent_but_by_the_older_rule(start, shared):
    narrow, wide = (
        untrained(replace(SMALL, d_sae=d_sae, start=start), 64).W_dec for d_sae in (64, 128)
    )
    found = (narrow @ wide.T).max(dim=1).values > 0.99
    assert float(found.float().mean()) == shared
    assert torch.equal(narrow, wide[:64]) == (start == "seed")


def test_evaluation_by_hand():
    identity = Dictionary(
        W_dec=torch.eye(2), W_enc=torch.eye(2), activation_fn=ReLU()
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
        ({"d_sae": 0}, r"--width\) must be a whole number of at least 1"),
        ({"architecture": TopKRecipe(33)}, "--k 33 exceeds the width, d_sae=32"),
        ({"architecture": TopKRecipe(0)}, "--k must be at least 1, got 0"),
        ({"architecture": ReLURecipe(-1.0)}, "--l1 must not be negative"),
        ({"architecture": ReLURecipe(float("nan"))}, "--l1 must not be negative"),
        ({"init_seed": -1}, r"\(--seeds\) must be .* of at least 0"),
        ({"order_seed": -1}, r"--order-seeds\) must be .* of at least 0"),
        ({"clip_norm": -1.0}, r"--clip-norm\) must be a number of at least 0"),
        ({"held_out": 0.9}, r"--held-out\) must be a number in \[0, 0.5\]"),
        ({"start": "zero"}, r"--start\) must be one of 'seed_and_width', 'seed', got 'zero'"),
        ({"decoder": "sparse"}, r"--decoder\) must be one of .gather., .dense."),
        ({"bias_start": "zero"}, r"--bias-start\) must be one of"),
        ({"dtype": "float8"}, r"--dtype\) must be one of .auto., .float32., .bfloat16."),
        ({"batch_size": 0}, r"--batch-size\) must be"),
        ({"n_tokens": 0}, r"--tokens\) must be"),
        ({"dead_window": 0.0}, r"--dead-window\) must be a number in \(0, 1\]"),
        ({"learning_rate": 0.0}, r"--lr\) must be a number above 0"),
        ({"checkpoints": 101}, "--checkpoints must lie between 0 and the 100 steps"),
    ],
)
def test_settings_out_of_range_name_their_flag(options, message):
    with pytest.raises(InvalidInputError, match=message):
        replace(SMALL, **options)


def test_what_cannot_be_trained_says_why(cache, tmp_path):
    with pytest.raises(InvalidInputError, match="exceeds the 3000 tokens"):
        runs.train(cache, [replace(SMALL, batch_size=5000)], tmp_path)
    with pytest.raises(InvalidInputError, match="two cells are the same run: w32-s0"):
        runs.train(cache, [SMALL, SMALL], tmp_path)
    with pytest.raises(InvalidInputError, match="architecture must be one of topk, topk_aligned"):
        make_architecture("tanh")
    with pytest.raises(InvalidInputError, match="--l1 means nothing to topk, whose options are"):
        make_architecture("topk", {"l1": 2.0})
    assert not list(tmp_path.iterdir())
