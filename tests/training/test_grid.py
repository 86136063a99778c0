"""Grids: names, independence of cells, what stops one and not the others, what is refused."""

import json
from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file

import universality as un
from tests.made_caches import write_cache
from universality.activations import cache as caches
from universality.errors import InvalidInputError, OutputError, UniversalityError
from universality.training import one_run, runs
from universality.training.architectures import NAMES
from universality.training.grid import Axes, Cell, cells, shared_starts, widths
from universality.training.trainer import DivergedError, Trainer

BASE = {"n_tokens": 4000, "batch_size": 200, "dtype": "float32"}


def _tokens(seed=0, n=3000, d=16):
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed)) ** 3 + 2


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return write_cache(tmp_path_factory.mktemp("made") / "cache", _tokens())


@pytest.fixture(scope="module")
def target(tmp_path_factory):
    tokens = _tokens() @ torch.randn(16, 12, generator=torch.Generator().manual_seed(5))
    folder = tmp_path_factory.mktemp("made") / "target"
    return write_cache(folder, tokens, hook_name="blocks.1.hook_mlp_out")


def _names(axes, base=BASE, **options):
    return [cell.name for cell in cells(axes, base, **options)]


def test_names_hold_width_and_seed_and_only_what_varies(cache, target):
    one = [cache]
    assert _names(Axes(seeds=[0, 3], widths=[96]), caches=one) == ["w96-s0", "w96-s3"]
    paired = Axes(seeds=[0, 1], order_seeds=[0, 7], widths=[96])
    assert _names(paired, caches=one) == ["w96-s0", "w96-s1-order7"]
    every = replace(paired, order="product")
    assert _names(every, caches=one) == [
        "w96-s0-order0", "w96-s0-order7", "w96-s1-order0", "w96-s1-order7"
    ]  # fmt: skip
    rules = Axes(
        seeds=[0], widths=[96], architectures=["topk", "gated"],
        sparsities={"k": [16, 32], "l1": [1.5, 5.0]},
    )  # fmt: skip
    assert _names(rules, caches=one) == [
        "w96-s0-topk-k16", "w96-s0-topk-k32", "w96-s0-gated-l1_1.5", "w96-s0-gated-l1_5"
    ]  # fmt: skip
    one_value = replace(rules, architectures=["topk"], sparsities={"k": [16]})
    assert _names(one_value, caches=one) == ["w96-s0"]
    few = replace(one_value, expansion=[2], widths=None)
    assert _names(few, caches=[cache, target]) == [
        "w32-s0-blocks.1.hook_resid_post", "w24-s0-blocks.1.hook_mlp_out"
    ]  # fmt: skip


def test_widths_come_from_numbers_or_multiples():
    assert widths(16, expansion=[1, 2]) == [16, 32]
    assert widths(16) == [64]
    assert widths(16, widths=[5]) == [5]
    with pytest.raises(InvalidInputError, match="either --expansion or --width"):
        widths(8, expansion=[1], widths=[1])
    with pytest.raises(InvalidInputError, match="must be at least 1, got 0"):
        widths(8, expansion=[0])


def test_cells_that_share_a_start_are_named_with_what_it_is_for(cache):
    axes = Axes(seeds=[0, 1], widths=[40, 48])
    assert shared_starts(cells(axes, BASE, [cache])) is None
    older = cells(axes, BASE | {"start": "seed"}, [cache])
    assert "w40-s0, w48-s0" in shared_starts(older)
    sparse = cells(replace(axes, sparsities={"k": [2, 4]}), BASE, [cache])
    said = shared_starts(sparse)
    assert "2 runs (w40-s0-k2, w40-s0-k4) share an initialisation seed" in said
    assert "to ask whether features recur, compare runs of different seeds" in said


@pytest.mark.parametrize(
    ("axes", "message"),
    [
        (Axes(seeds=[0, 0], widths=[40]), "two cells are the same run: w40-s0"),
        (Axes(seeds=[0], widths=[16]), "--k 32 exceeds the width, d_sae=16"),
        (Axes(seeds=[0], widths=[0]), "must be at least 1, got 0"),
        (Axes(seeds=[], widths=[40]), "--seeds is empty"),
        (Axes(seeds=[0, 1], order_seeds=[0]), "--order-seeds needs one per seed"),
        (Axes(order="shuffled"), "--order must be paired or product"),
        (Axes(architectures=["tanh"]), "--architecture must be one of topk"),
        (Axes(sparsities={"l1": [2.0]}), "--l1 means nothing to topk"),
        (Axes(architectures=["transcoder"]), "--target-activations"),
        (Axes(options={"gated": {"l1": 1.0}}), "options of gated are given"),
    ],
)
def test_grids_that_cannot_be(cache, axes, message):
    with pytest.raises(InvalidInputError, match=message):
        cells(axes, BASE, [cache])


def _six(cache):
    axes = Axes(
        seeds=[0, 1], widths=[24], architectures=["topk", "batchtopk", "gated"],
        sparsities={"k": [3]},
    )  # fmt: skip
    return cells(axes, BASE, [cache])


def test_weights_do_not_depend_on_the_other_cells(cache, tmp_path):
    six = _six(cache)
    runs.train_cells(six, tmp_path / "six")
    for cell in six[1::2]:
        runs.train_cells([cell], tmp_path / "alone")
        together, alone = (
            (tmp_path / where / cell.name / "sae_weights.safetensors").read_bytes()
            for where in ("six", "alone")
        )
        assert together == alone


def test_activations_are_read_once_for_all_cells(cache, tmp_path, monkeypatch):
    rows = []
    read = caches.read_activations

    def counted(cache, wanted):
        rows.append(len(wanted))
        return read(cache, wanted)

    for module in ("data", "inputs"):
        monkeypatch.setattr(f"universality.training.{module}.read_activations", counted)
    runs.train_cells(_six(cache), tmp_path)
    assert sum(rows) <= len(cache)  # the statistics; every step reads the copy in memory


@pytest.mark.parametrize("fits", [True, False])
def test_reading_from_disk_gives_the_same_bytes(cache, tmp_path, monkeypatch, fits):
    monkeypatch.setattr(runs, "fits_in_memory", lambda _cell: fits)
    (cell, *_) = _six(cache)
    runs.train_cells([cell], tmp_path)
    weights = load_file(tmp_path / cell.name / "sae_weights.safetensors")
    monkeypatch.setattr(runs, "fits_in_memory", lambda _cell: True)
    runs.train_cells([cell], tmp_path / "again")
    again = load_file(tmp_path / "again" / cell.name / "sae_weights.safetensors")
    assert all(torch.equal(weights[name], again[name]) for name in weights)


def test_a_cell_that_turns_nan_is_stopped_and_named_and_the_others_go_on(
    cache, tmp_path, monkeypatch
):
    six = _six(cache)
    advance = Trainer.advance

    def poisoned(self):
        if self.settings.architecture.name == "batchtopk" and self.settings.init_seed == 1:
            with torch.no_grad():
                self.parameters["b_dec"][0] = torch.nan
        advance(self)

    monkeypatch.setattr(Trainer, "advance", poisoned)
    outcomes = runs.train_cells(six, tmp_path)
    stopped = [outcome.name for outcome in outcomes if outcome.diverged]
    assert stopped == ["w24-s1-batchtopk"]
    assert all((tmp_path / c.name / "cfg.json").is_file() for c in six if c.name not in stopped)
    with pytest.raises(
        UniversalityError, match=r"1 of 6 runs diverged, the other 5 are done. w24-s1"
    ):
        runs.raise_if_diverged(outcomes)
    monkeypatch.setattr(Trainer, "advance", advance)
    again = runs.train_cells(six, tmp_path)  # remembered: equal settings would end there again
    assert [outcome.diverged for outcome in again] == [outcome.diverged for outcome in outcomes]


def test_another_grid_on_an_unfinished_one_is_refused_with_both_named(cache, tmp_path, monkeypatch):
    first = cells(Axes(seeds=[0, 1], widths=[40]), BASE, [cache])

    def stop(self):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "advance", stop)
        with pytest.raises(KeyboardInterrupt):
            runs.train_cells(first, tmp_path)
    other = cells(Axes(seeds=[2], widths=[40, 48]), BASE, [cache])
    message = r"unfinished grid of 2 cells \(w40-s0, w40-s1\).*asked for now: 2 cells \(w40-s2, w48"
    with pytest.raises(OutputError, match=message):
        runs.train_cells(other, tmp_path)
    more = cells(Axes(seeds=[0, 1, 2], widths=[40]), BASE, [cache])
    runs.train_cells(more, tmp_path)  # the same grid with a seed more
    runs.train_cells(other, tmp_path)  # the first is finished
    assert sorted(json.loads((tmp_path / "grid.json").read_text())["cells"]) == [
        "w40-s0", "w40-s1", "w40-s2", "w48-s2"
    ]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_every_architecture_trains_saves_and_loads_at_width_96(cache, target, tmp_path, name):
    axes = Axes(seeds=[0], widths=[96], architectures=[name])
    found = cells(axes, BASE, [cache], [target] if name == "transcoder" else None)
    (outcome,) = runs.train_cells(found, tmp_path)
    dictionary = un.load(outcome.folder)
    record = json.loads((outcome.folder / "training_record.json").read_text())
    assert (dictionary.d_sae, dictionary.d_in) == (96, 16)
    assert dictionary.d_out == (12 if name == "transcoder" else 16)
    torch.testing.assert_close(dictionary.W_dec.norm(dim=1), torch.ones(96))
    assert record["settings"]["architecture"] == name
    first = record["history"][0]["fvu"]
    assert record["history"][-1]["fvu"] < first
    assert 0 < record["l0"] <= 96
    assert record["held_out"]["n_tokens"] > 0


def test_the_l0_that_batchtopk_was_asked_for_is_reached_on_unseen_tokens(cache, tmp_path):
    axes = Axes(seeds=[0], widths=[64], architectures=["batchtopk"], sparsities={"k": [6]})
    (cell,) = cells(axes, BASE | {"n_tokens": 20_000, "held_out": 0.3}, [cache])
    (outcome,) = runs.train_cells([cell], tmp_path)
    record = json.loads((outcome.folder / "training_record.json").read_text())
    assert record["held_out"]["l0"] == pytest.approx(6, rel=0.1)


def test_a_transcoder_needs_two_caches_of_the_same_tokens(cache, target, tmp_path):
    axes = Axes(seeds=[0], widths=[40], architectures=["transcoder"])
    shorter = write_cache(tmp_path / "shorter", _tokens(n=2900))
    with pytest.raises(InvalidInputError, match=r"has 3000 rows and .* 2900: collect both"):
        runs.train_cells(cells(axes, BASE, [cache], [shorter]), tmp_path / "out")
    moved = write_cache(tmp_path / "moved", _tokens(), tokens=(torch.arange(3000) + 1).int() % 50)
    with pytest.raises(InvalidInputError, match="do not align: their tokens differ from row 0"):
        runs.train_cells(cells(axes, BASE, [cache], [moved]), tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("value", [torch.nan, torch.inf])
def test_rows_that_are_no_numbers_are_named(tmp_path, value):
    tokens = _tokens()
    tokens[1234, 3] = value
    bad = write_cache(tmp_path / "bad", tokens)
    (cell,) = cells(Axes(seeds=[0], widths=[40]), BASE, [bad])
    with pytest.raises(InvalidInputError, match="row 1234 holds NaN or infinity"):
        runs.train_cells([cell], tmp_path / "out")


@pytest.mark.parametrize(
    ("tokens", "message"),
    [
        (torch.ones(3000, 16), "all activations are equal"),
        (torch.zeros(3000, 16), "all activations are zero"),
        (_tokens(n=150), "--batch-size 200 exceeds the 150 tokens"),
        (_tokens(n=201), "--batch-size 200 exceeds the 197 tokens .* lower it or --held-out"),
    ],
)
def test_caches_that_cannot_be_trained_on(tmp_path, tokens, message):
    bad = write_cache(tmp_path / "bad", tokens)
    (cell,) = cells(Axes(seeds=[0], widths=[40]), BASE, [bad])
    with pytest.raises(InvalidInputError, match=message):
        runs.train_cells([cell], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_disk_that_is_full_at_a_checkpoint_is_one_line_and_resumes(cache, tmp_path, monkeypatch):
    (cell,) = cells(Axes(seeds=[0], widths=[40]), BASE, [cache])

    def full(*_arguments, **_options):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("universality.training.state.save_file", full)
        with pytest.raises(OutputError, match="No space left on device; make room"):
            runs.train_cells([cell], tmp_path / "out")
    runs.train_cells([cell], tmp_path / "out")
    runs.train_cells([cell], tmp_path / "whole")
    for file in ("sae_weights.safetensors", "training_record.json"):
        assert (tmp_path / "out/w40-s0" / file).read_bytes() == (
            tmp_path / "whole/w40-s0" / file
        ).read_bytes()


@pytest.mark.parametrize("kind", ["simple", "advanced"])
def test_resampling_revives_the_dead_and_resumes_bit_for_bit(cache, tmp_path, kind, monkeypatch):
    base = BASE | {"n_tokens": 20_000, "resampling": kind, "dead_window": 0.05}
    (cell,) = cells(
        Axes(seeds=[0], widths=[24], architectures=["relu"], sparsities={"l1": [0.5]}), base,
        [cache],
    )  # fmt: skip
    start = one_run.Trainer.__init__

    def with_dead(self, *arguments, **options):
        start(self, *arguments, **options)
        with torch.no_grad():
            self.parameters["b_enc"][:8] = -1000.0

    monkeypatch.setattr(Trainer, "__init__", with_dead)
    runs.train_cells([cell], tmp_path / "whole")
    record = json.loads((tmp_path / "whole/w24-s0/training_record.json").read_text())
    assert record["history"][9]["dead_fraction"] >= 1 / 3
    assert record["history"][-1]["dead_fraction"] < 0.1
    advance = Trainer.advance

    def stopping(self):
        if self.step == 60:
            raise KeyboardInterrupt
        advance(self)

    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "advance", stopping)
        with pytest.raises(KeyboardInterrupt):
            runs.train_cells([cell], tmp_path / "resumed")
    runs.train_cells([cell], tmp_path / "resumed")
    for file in ("sae_weights.safetensors", "training_record.json"):
        assert (tmp_path / "resumed/w24-s0" / file).read_bytes() == (
            tmp_path / "whole/w24-s0" / file
        ).read_bytes()


def test_frozen_floors_keep_their_decoder(cache, tmp_path):
    axes = Axes(
        seeds=[0], widths=[40], architectures=["frozen_decoder", "soft_frozen_decoder"],
        sparsities={"k": [3]},
    )  # fmt: skip
    hard, soft = (
        json.loads((outcome.folder / "training_record.json").read_text())
        for outcome in runs.train_cells(
            cells(axes, BASE | {"learning_rate": 0.05}, [cache]), tmp_path
        )
    )
    assert hard["mean_cosine_to_start"] == pytest.approx(1.0)
    assert 0.8 - 1e-6 <= soft["mean_cosine_to_start"] < 0.95
    with pytest.raises(
        InvalidInputError, match="--resampling points encoder and decoder the same way"
    ):
        cells(axes, BASE | {"resampling": "simple"}, [cache])


def test_divergence_is_an_error_of_ours():
    assert issubclass(DivergedError, UniversalityError)
    assert Cell.__dataclass_fields__.keys() >= {"name", "settings", "cache", "target"}
