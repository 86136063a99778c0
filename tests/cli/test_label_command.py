"""`universality label`, `check`, `diff`: sound releases pass, each kind of broken one does not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from tests.made_caches import write_cache
from tests.made_runs import make_run, unit_rows
from universality.activation_functions import TopK
from universality.cli import main
from universality.dictionary import Dictionary
from universality.saving import save

N, D = 48, 24
FAST = ("--null", "isotropic", "--draws", "2", "--min-firing", "2")
ASKED = ("--min", "song2025=.5", "--max-dead", ".2", "--max-duplicated", ".05", "--max-fvu", ".7")


def run(*arguments: object) -> int:
    with pytest.raises(SystemExit) as left:
        main([str(one) for one in arguments])
    return int(left.value.code or 0)


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """Planted features, a cache of tokens that they make, and two runs that found nearly all."""
    folder = tmp_path_factory.mktemp("world")
    features = unit_rows(N, D, seed=0)
    generator = torch.Generator().manual_seed(1)
    codes = torch.rand(1500, N, generator=generator) + 0.5
    codes *= torch.rand(1500, N, generator=generator) < 2 / N
    of = {"model_name": "planted", "hook_name": "blocks.0.hook_resid_post"}
    write_cache(folder / "cache", codes @ features, n_documents=30, **of)
    for seed in (1, 2):
        save(found(features, seed), folder / "runs" / f"seed{seed}")
    return folder


def found(features: torch.Tensor, seed: int) -> Dictionary:
    order = torch.randperm(N, generator=torch.Generator().manual_seed(seed))
    rows = features[order] + 0.05 * torch.randn(
        N, D, generator=torch.Generator().manual_seed(seed + 10)
    )
    return make_run(torch.nn.functional.normalize(rows, dim=1), seed=seed, name=f"seed{seed}")


def label(world: Path, out: Path, *more: object, runs: object = None) -> int:
    given = (runs or world / "runs", "--activations", world / "cache", "--out", out)
    return run("label", *given, *FAST, *more)


def broken(world: Path, kind: str, folder: Path) -> Path:
    """Both runs, the second of them broken."""
    features = unit_rows(N, D, seed=0)
    save(found(features, 1), folder / "seed1")
    other = found(features, 2)
    rows = other.W_dec
    match kind:
        case "dead":
            rows = torch.cat([rows[: N // 2], -rows[: N // 2]])
            bias = torch.cat([torch.zeros(N // 2), torch.full((N // 2,), -9.0)])
            other = Dictionary(W_dec=rows, W_enc=rows, b_enc=bias, activation_fn=TopK(4))
        case "duplicated":
            other = make_run(torch.cat([rows[: N // 2], rows[: N // 2]]))
        case "untrained":
            other = make_run(unit_rows(N, D, seed=99))
        case "copied":
            other = found(features, 1)
        case "transposed":
            square = unit_rows(D, D, seed=5)
            save(make_run(square), folder / "seed1", overwrite=True)
            save(make_run(unit_rows(D, D, seed=6)), folder / "seed2")
            path = folder / "seed2" / "sae_weights.safetensors"
            tensors = load_file(path)
            tensors["W_dec"] = (tensors["W_dec"] * torch.linspace(0.5, 2, D)).T.contiguous()
            save_file(tensors, path)
            return folder
    save(other, folder / "seed2")
    return folder


def test_a_sound_release_has_a_label_that_is_met(world, tmp_path, capsys) -> None:
    out = tmp_path / "label.json"
    assert label(world, out, "--strict") == 0
    screen = capsys.readouterr().out
    assert "seed1: 48 latents" in screen
    assert f"Label: {out}, and {tmp_path / 'label.html'}" in screen
    content = json.loads(out.read_text())
    assert content["schema"] == "universality.label/1"
    assert content["tokens"]["n_tokens"] > 1000
    firing = [row for row in content["rules"] if row["rule"] == "gurnee2024"]
    assert all(row["n_tokens"] == content["tokens"]["n_tokens"] for row in firing)
    assert "Label of 2 runs" in (tmp_path / "label.html").read_text()
    assert run("check", out, *ASKED, "--above-floors") == 0
    assert "NOT MET" not in capsys.readouterr().out
    assert label(world, out) == 2  # exists
    assert label(world, out, "--overwrite") == 0


@pytest.mark.parametrize(
    ("kind", "unmet"),
    [
        ("dead", "dead latents at most 0.2"),
        ("duplicated", "latents with a twin at most 0.05"),
        ("untrained", "song2025 at least 0.5"),
        ("copied", "valid"),
    ],
)
def test_a_broken_release_of_each_kind_fails(world, tmp_path, capsys, kind, unmet) -> None:
    runs = broken(world, kind, tmp_path / "runs")
    out = tmp_path / "label.json"
    assert label(world, out, runs=runs) == 0
    capsys.readouterr()
    assert run("check", out, *ASKED) == 3
    lines = capsys.readouterr().out.splitlines()
    assert any(line.startswith(f"NOT MET  {unmet}") for line in lines)


def test_a_transposed_release_is_void(world, tmp_path, capsys) -> None:
    runs = broken(world, "transposed", tmp_path / "runs")
    assert run("check", runs, "--null", "isotropic", "--draws", "2") == 3
    found = capsys.readouterr().out
    assert found.startswith("NOT MET  valid:")
    assert "decoder" in found


def test_runs_are_checked_without_a_label(world, capsys) -> None:
    given = (world / "runs", "--activations", world / "cache", *FAST)
    assert run("check", *given, *ASKED) == 0
    assert run("check", *given, "--min", "song2025=.99") == 3
    assert run("check", *given, "--min", "song2025=.99", "--json") == 3
    found = json.loads(capsys.readouterr().out.split("\n[", 1)[-1].join(["[", ""]))
    assert [one["met"] for one in found] == [True, False]


def test_two_labels_are_told_apart(world, tmp_path, capsys) -> None:
    old, new = tmp_path / "old.json", tmp_path / "new.json"
    rules = ("--rule", "song2025,paulo2025")
    assert label(world, old, *rules) == 0
    runs = broken(world, "untrained", tmp_path / "runs")
    assert label(world, new, *rules, runs=runs) == 0
    capsys.readouterr()
    assert run("diff", old, old, "--exit-code") == 0
    assert capsys.readouterr().out == "no difference\n"
    assert run("diff", old, new) == 0
    text = capsys.readouterr().out
    assert "run seed2: sha256" in text
    assert "song2025, mean cosine: 0." in text
    assert "sd of its null" in text
    assert run("diff", old, new, "--exit-code") == 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["check", "nowhere.json"], "nowhere.json"),
        (["check", "ODD"], "is no label"),
        (["diff", "ODD", "ODD"], "is no label"),
        (["diff", "nowhere.json", "ODD"], "nowhere.json"),
        (["check", "ODD", "--min", "paulo2025"], "is not RULE=NUMBER"),
        (["check", "ODD", "--min", "nope=.3"], "--rule takes all"),
        (["check", "ODD", "--max-dead", "2"], "--max-dead"),
        (["label", "RUNS", "--out", "label.txt"], "a label is a .json file"),
        (["label", "RUNS"], "--out"),
    ],
)
def test_what_cannot_be_read_or_meant_leaves_with_two(
    world, tmp_path, monkeypatch, capsys, arguments, message
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "odd.json").write_text('{"schema": "other"}')
    places = {"ODD": "odd.json", "RUNS": world / "runs"}
    assert run(*(places.get(one, one) for one in arguments)) == 2
    error = capsys.readouterr().err
    assert message in error
    assert len(error.strip().splitlines()) == 1


def test_a_page_that_is_not_ours_is_left_alone(world, tmp_path, capsys) -> None:
    (tmp_path / "label.html").write_text("mine")
    assert label(world, tmp_path / "label.json", "--overwrite") == 2
    assert "nothing that this program wrote" in capsys.readouterr().err
    assert (tmp_path / "label.html").read_text() == "mine"
    assert not (tmp_path / "label.json").exists()
