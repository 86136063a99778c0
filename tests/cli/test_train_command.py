"""`universality train` end to end on a small cache."""

import json

import pytest
import torch

import universality as un
from tests.made_caches import write_cache
from universality.cli import main


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made") / "cache"
    tokens = torch.randn(2000, 12, generator=torch.Generator().manual_seed(0))
    write_cache(folder, tokens)
    return str(folder)


def _run(arguments, capsys):
    with pytest.raises(SystemExit) as left:
        main(["train", *arguments])
    return left.value.code, capsys.readouterr()


def test_seeds_and_widths_make_a_folder_each(cache, tmp_path, capsys):
    out = tmp_path / "out"
    code, captured = _run(
        ["--activations", cache, "--out", str(out), "--seeds", "0,1", "--order-seeds", "0,3",
         "--expansion", "1,2", "--k", "3", "--tokens", "4000", "--batch-size", "500", "--half"],
        capsys,
    )  # fmt: skip
    assert code == 0
    names = ["w12-s0", "w12-s1-order3", "w24-s0", "w24-s1-order3"]
    assert sorted(path.name for path in out.iterdir()) == ["grid.json", *names]
    rows = [line.split() for line in captured.out.splitlines()]
    assert rows[0][:3] == ["cell", "state", "FVU"]
    assert [row[:2] for row in rows[1:]] == [[name, "done"] for name in names]
    assert "read once" in captured.err
    record = json.loads((out / "w24-s1-order3" / "training_record.json").read_text())
    assert (record["settings"]["init_seed"], record["settings"]["order_seed"]) == (1, 3)
    assert un.load(out / "w24-s0").W_dec.dtype == torch.float16


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        (["--seeds", "0,x"], "no comma-separated list of whole numbers"),
        (["--architecture", "tanh"], "--architecture must be one of topk"),
        (["--k", "100"], "--k 100 exceeds the width"),
        (["--batch-size", "9999"], "exceeds the 2000 tokens"),
        (["--dtype", "int8", "--batch-size", "500"], "(--dtype) must be one of 'auto'"),
        (["--l1", "2"], "--l1 means nothing to topk"),
        (["--order", "random"], "--order must be paired or product"),
        (["--seeds", "1,1"], "two cells are the same run"),
        (["--architecture", "transcoder"], "name the cache of that place with --target-act"),
        (["--resampling", "clever"], "(--resampling) must be one of"),
        (["--expansion", "1", "--width", "8"], "either --expansion or --width"),
    ],
)
def test_bad_options_are_one_line_and_leave_nothing(cache, tmp_path, capsys, extra, message):
    code, captured = _run(
        ["--activations", cache, "--out", str(tmp_path / "out"), *_with_k(extra)], capsys
    )
    assert code == 2
    assert captured.err.startswith("error: ")
    assert message in captured.err
    assert not (tmp_path / "out").exists()


def test_a_folder_that_is_no_cache(tmp_path, capsys):
    code, captured = _run(["--activations", str(tmp_path), "--out", str(tmp_path / "o")], capsys)
    assert code == 2
    assert "no meta.json" in captured.err


def test_interrupted_says_how_to_go_on(cache, tmp_path, capsys, monkeypatch):
    def interrupt(_trainer):
        raise KeyboardInterrupt

    monkeypatch.setattr("universality.training.trainer.Trainer.advance", interrupt)
    code, captured = _run(
        ["--activations", cache, "--out", str(tmp_path), "--k", "3", "--batch-size", "500"], capsys
    )
    assert code == 130
    assert captured.err.splitlines()[-1] == "interrupted; run the same command again to go on"


def _with_k(extra):
    return extra if {"--k", "--architecture"} & set(extra) else ["--k", "3", *extra]


def test_dry_run_states_cells_memory_and_time_and_writes_nothing(cache, tmp_path, capsys):
    arguments = ["--activations", cache, "--out", str(tmp_path / "out"), "--k", "3",
                 "--tokens", "4000", "--batch-size", "500", "--seeds", "0,1"]  # fmt: skip
    code, captured = _run([*arguments, "--dry-run"], capsys)
    assert code == 0
    lines = captured.out.splitlines()
    assert [line.split()[:5] for line in lines[1:3]] == [
        ["w48-s0", "to", "do", "48", "topk"], ["w48-s1", "to", "do", "48", "topk"]
    ]  # fmt: skip
    assert lines[3].startswith("memory: ")
    assert lines[4].startswith("time: about ")
    assert not (tmp_path / "out").exists()
    _run(arguments, capsys)
    _, captured = _run([*arguments, "--dry-run"], capsys)
    assert [line.split()[1] for line in captured.out.splitlines()[1:3]] == ["done", "done"]


GRID = """
seeds = [0, 1]
width = 24
architecture = ["topk", "jumprelu"]
k = [2, 3]
target_l0 = 3
tokens = 2000
batch_size = 500

[jumprelu]
bandwidth = 0.5
"""


def test_a_grid_file_is_the_flags_written_down(cache, tmp_path, capsys):
    (tmp_path / "grid.toml").write_text(GRID)
    common = ["--activations", cache, "--out", str(tmp_path / "out")]
    code, captured = _run([*common, "--grid", str(tmp_path / "grid.toml")], capsys)
    assert code == 0
    names = ["w24-s0-topk-k2", "w24-s1-topk-k2", "w24-s0-topk-k3", "w24-s1-topk-k3",
             "w24-s0-jumprelu", "w24-s1-jumprelu"]  # fmt: skip
    assert [line.split()[0] for line in captured.out.splitlines()[1:]] == names
    assert "share an initialisation seed" in captured.err
    record = json.loads((tmp_path / "out" / "w24-s1-jumprelu/training_record.json").read_text())
    assert record["settings"]["bandwidth"] == 0.5
    assert record["settings"]["target_l0"] == 3


@pytest.mark.parametrize(
    ("text", "extra", "message"),
    [
        ("seeds = [0]", ["--seeds", "1"], "--seeds: given both here and in"),
        ("sedes = [0]", [], "unknown key 'sedes'; known are seeds"),
        ("seeds = ['a']", [], "seeds must be a whole number, got 'a'"),
        ("tokens = true", [], "tokens must be a whole number, got True"),
        ("k = [", [], "not a grid file"),
        ("topk = 3", [], r"[topk] must be a table of options, got 3"),
        ("[gated]\nl1 = 2", [], "options of gated are given, which is not among"),
        ("[topk]\nl1 = 2", [], "--l1 means nothing to topk"),
        ("seeds = []", [], "--seeds is empty"),
    ],
)
def test_bad_grid_files_are_one_line(cache, tmp_path, capsys, text, extra, message):
    (tmp_path / "grid.toml").write_text(text)
    common = ["--activations", cache, "--out", str(tmp_path / "out")]
    code, captured = _run([*common, "--grid", str(tmp_path / "grid.toml"), *extra], capsys)
    assert code == 2
    assert message in captured.err
    assert not (tmp_path / "out").exists()


def test_what_train_wrote_needs_no_flag_in_stability(cache, tmp_path, capsys):
    out = str(tmp_path / "runs")
    _run(["--activations", cache, "--out", out, "--seeds", "0,1,2", "--width", "24", "--k", "3",
          "--tokens", "20000", "--batch-size", "500"], capsys)  # fmt: skip
    with pytest.raises(SystemExit) as left:
        main(["stability", out, "--out", str(tmp_path / "stability")])
    assert left.value.code == 0
    summary = json.loads((tmp_path / "stability" / "summary.json").read_text())
    assert [run["seed"] for run in summary["runs"]] == [0, 1, 2]
    assert {run["d_sae"] for run in summary["runs"]} == {24}
