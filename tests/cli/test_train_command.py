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
    assert sorted(path.name for path in out.iterdir()) == names
    assert [line.split(":")[0] for line in captured.out.splitlines()] == [
        str(out / name) for name in names
    ]
    record = json.loads((out / "w24-s1-order3" / "training_record.json").read_text())
    assert (record["settings"]["init_seed"], record["settings"]["order_seed"]) == (1, 3)
    assert un.load(out / "w24-s0").W_dec.dtype == torch.float16


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        (["--seeds", "0,x"], "no comma-separated list of whole numbers"),
        (["--architecture", "tanh"], "--architecture must be one of topk"),
        (["--k", "100"], "--k 100 exceeds the width"),
        (["--batch-size", "9999"], "exceeds the 1960 tokens"),
        (["--dtype", "int8", "--batch-size", "500"], "(--dtype) must be one of 'auto'"),
        (["--expansion", "1", "--width", "8"], "either --expansion or --width"),
    ],
)
def test_bad_options_are_one_line_and_leave_nothing(cache, tmp_path, capsys, extra, message):
    code, captured = _run(
        ["--activations", cache, "--out", str(tmp_path / "out"), "--k", "3", *extra], capsys
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
    assert captured.err.strip() == "interrupted; run the same command again to go on"
