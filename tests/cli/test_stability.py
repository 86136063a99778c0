import json
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.made_runs import make_run, unit_rows
from universality.cli.main import main
from universality.loading import load
from universality.results import read_stability
from universality.runs import draws
from universality.saving import save


def _save_runs(folder: Path, n_runs: int = 3) -> Path:
    shared = unit_rows(20, 16, seed=0)
    for seed in range(n_runs):
        rows = torch.cat([shared, unit_rows(10, 16, seed=10 + seed)]).roll(seed, 0)
        save(make_run(rows, seed=seed, frequency=torch.full((30,), 0.1)), folder / f"seed{seed}")
    return folder


def _exit_code(*arguments: str | Path) -> int:
    with pytest.raises(SystemExit) as left:
        main([str(one) for one in arguments])
    assert isinstance(left.value.code, int)
    return left.value.code


def test_a_folder_of_runs_becomes_a_whole_result(tmp_path, capsys) -> None:
    runs, out = _save_runs(tmp_path / "runs"), tmp_path / "result"
    assert _exit_code("stability", runs, "--draws", 2, "--out", out) == 0
    screen = capsys.readouterr().out
    assert "3 runs: seed0, seed1, seed2" in screen
    assert max(len(line) for line in screen.splitlines()) <= 80 + len(str(out))
    assert f"Report: {out / 'report.html'}" in screen
    found = read_stability(out)
    assert found.summary["families"]["decoder_and_encoder"]["n"] == 20
    assert load(out / "consensus").d_sae == 20
    manifest = json.loads((out / "manifest.json").read_text())
    assert set(manifest["inputs"]) == {"seed0", "seed1", "seed2"}
    assert "latents.parquet" in manifest["outputs"]
    assert not (tmp_path / "result.pairs").exists()
    _check_consensus(out, runs)


def _check_consensus(out: Path, runs: Path) -> None:
    """The saved dictionary holds what the runs share."""
    consensus = load(out / "consensus").directions() / load(out / "consensus").W_dec.norm(
        dim=1, keepdim=True
    )
    nearest = (consensus @ load(runs / "seed0").directions().T).max(dim=1).values
    assert nearest.min() > 0.999


def test_json_is_the_summary_and_nothing_else(tmp_path, capsys) -> None:
    runs, out = _save_runs(tmp_path / "runs", 2), tmp_path / "result"
    options = ["--draws", 2, "--view", "decoder", "--json"]
    assert _exit_code("stability", runs, *options, "--out", out) == 0
    assert json.loads(capsys.readouterr().out) == read_stability(out).summary


def test_assignments_need_no_weights(tmp_path, capsys) -> None:
    path = tmp_path / "assignments.npz"
    same = np.arange(5)
    np.savez(path, **{f"{pair}/decoder": same for pair in ("x-y", "x-z", "y-z")})
    out = tmp_path / "result"
    assert _exit_code("stability", "--assignments", path, "--out", out) == 0
    assert "100.0%" in capsys.readouterr().out
    assert read_stability(out).summary["families"]["decoder"]["n"] == 5


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "give either runs"),
        (["seed0"], "at least two runs, got 1"),
        (["absent"], "no such file or folder"),
        (["--assignments", "absent.npz"], "no such file: absent.npz"),
        (["--assignments", "absent.npz", "--threshold", ".5"], "--threshold would have no effect"),
        (["seed0", "--unembedding", "x.npy"], "--unembedding is for two runs"),
        (["seed0", "--geometry"], "universality compare A B --geometry"),
        (["--assignments", "x.npz", "--null", "haar", "--keys", "k"], "--keys, --null would"),
    ],
)
def test_what_the_user_must_change_is_said(
    tmp_path, monkeypatch, capsys, arguments, message
) -> None:
    monkeypatch.chdir(_save_runs(tmp_path / "runs", 1))
    assert _exit_code("stability", *arguments, "--out", "result") == 2
    assert message in capsys.readouterr().err
    assert not Path("result").exists()


def test_an_interrupted_study_says_how_to_go_on(tmp_path, monkeypatch, capsys) -> None:
    runs, out = _save_runs(tmp_path / "runs", 2), tmp_path / "result"

    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(draws, "match_traits", interrupted)
    assert _exit_code("stability", runs, "--view", "decoder", "--out", out) == 130
    assert "interrupted; run the same command again to go on" in capsys.readouterr().err
    assert not out.exists()
    assert len(list((tmp_path / "result.pairs").glob("*.npz"))) == 1


def test_a_folder_of_the_user_with_the_name_of_the_kept_pairs_is_left(tmp_path, capsys) -> None:
    runs, out = _save_runs(tmp_path / "runs", 2), tmp_path / "result"
    (tmp_path / "result.pairs").mkdir()
    (tmp_path / "result.pairs" / "thesis.txt").write_text("mine")
    assert _exit_code("stability", runs, "--view", "decoder", "--out", out) == 2
    said = capsys.readouterr().err
    assert "thesis.txt; move that out of the folder, or choose another --out" in said
    assert [path.name for path in (tmp_path / "result.pairs").iterdir()] == ["thesis.txt"]
    assert not out.exists()


def test_what_the_user_puts_among_the_kept_pairs_stays(
    tmp_path, monkeypatch, capsys, caplog
) -> None:
    runs, out = _save_runs(tmp_path / "runs", 2), tmp_path / "result"
    options = ["--view", "decoder", "--draws", 2, "--out", out]

    def interrupted(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(draws, "match_traits", interrupted)
        assert _exit_code("stability", runs, *options) == 130
    (tmp_path / "result.pairs" / "thesis.txt").write_text("mine")
    assert _exit_code("stability", runs, *options) == 0
    left = sorted(path.name for path in (tmp_path / "result.pairs").iterdir())
    assert left == ["pairs.json", "thesis.txt"]
    assert "result.pairs is left: it holds what this program did not write: thesis" in caplog.text


def test_no_result_takes_the_place_of_a_folder_with_an_input(tmp_path, capsys) -> None:
    runs = _save_runs(tmp_path / "runs", 2)
    for out in (runs, runs / "seed0"):
        arguments = ["stability", runs / "seed0", runs / "seed1", "--overwrite", "--out", out]
        assert _exit_code(*arguments) == 2
        assert "holds an input" in capsys.readouterr().err
    assert load(runs / "seed0").d_sae == load(runs / "seed1").d_sae == 30


def test_an_existing_folder_is_left_alone(tmp_path, capsys) -> None:
    runs, out = _save_runs(tmp_path / "runs", 2), tmp_path / "result"
    out.mkdir()
    (out / "mine.txt").write_text("keep")
    assert _exit_code("stability", runs, "--out", out) == 2
    assert _exit_code("stability", runs, "--overwrite", "--out", out) == 2
    assert (out / "mine.txt").read_text() == "keep"
