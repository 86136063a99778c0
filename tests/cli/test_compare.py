"""`universality compare` as a person uses it: what it prints, writes, refuses and leaves behind."""

from __future__ import annotations

import hashlib
import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
import torch
from safetensors.torch import load_file, save_file

from tests.made_caches import write_cache
from tests.made_runs import make_run, unit_rows
from universality.cli import main
from universality.saving import save

FAST = ["--null", "isotropic", "--draws", "2"]


@pytest.fixture
def runs(tmp_path: Path) -> tuple[str, str]:
    """Two saved runs that share half of their latents in another order, in SAELens format."""
    decoder, encoder = (unit_rows(60, 24, seed=seed) for seed in (0, 7))
    halves = torch.cat([torch.arange(30, 60), torch.arange(30)])
    others = (torch.cat([x[:30], unit_rows(30, 24, seed=1)])[halves] for x in (decoder, encoder))
    for name, rows in (("first", (decoder, encoder)), ("second", others)):
        save(make_run(*rows), tmp_path / name)
    return str(tmp_path / "first"), str(tmp_path / "second")


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as left:
        main(list(arguments))
    return int(left.value.code or 0)


def test_with_partial_the_screen_the_page_and_a_figure_say_who_is_worth_the_price(
    runs: tuple[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert run("compare", *runs, "--out", str(out), *FAST, "--partial") == 0
    assert "Worth a price of 0.7, %: decoder 50.0 (" in capsys.readouterr().out
    assert (out / "figures" / "partners_against_price.pdf").is_file()
    assert "Who is worth a price" in (out / "report.html").read_text(encoding="utf-8")
    assert (
        run(
            "compare",
            *runs,
            "--out",
            str(out),
            "--overwrite",
            *FAST,
            "--partial",
            "--threshold",
            "1",
        )
        == 0
    )
    assert "Worth a price of 1, %: decoder nothing is left" in capsys.readouterr().out


def test_with_groups_the_screen_the_page_and_a_figure_account_for_every_latent(
    runs: tuple[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert run("compare", *runs, "--out", str(out), *FAST, "--groups") == 0
    assert "Account of a by decoder, %: same 50.0, group " in capsys.readouterr().out
    assert (out / "figures" / "account_of_latents.pdf").is_file()
    assert "The account of every latent" in (out / "report.html").read_text(encoding="utf-8")
    table = pd.read_parquet(out / "latents_a.parquet")
    said = json.loads((out / "summary.json").read_text(encoding="utf-8"))["account"]["decoder"]["a"]
    assert sum(said.values()) == len(table) == 60
    assert run("compare", *runs, "--quick", "--groups") == 2
    assert "--groups: --quick looks at directions" in capsys.readouterr().err


def test_the_folder_is_whole_and_its_manifest_true(
    runs: tuple[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    out = Path("out")
    assert run("compare", *runs, "--out", str(out), *FAST) == 0
    screen = capsys.readouterr().out
    assert all(len(line) <= 80 for line in screen.splitlines())
    assert "…" not in screen
    assert "Of 60 latents 50.0% have a partner at 0.7 or more in decoder and encoder" in screen
    assert "different latents of one run 0.0%" in screen
    manifest = json.loads((out / "manifest.json").read_text())
    written = {p.relative_to(out).as_posix() for p in out.rglob("*") if p.is_file()}
    assert written == {*manifest["outputs"], "manifest.json"}
    for name, digest in manifest["outputs"].items():
        assert hashlib.sha256((out / name).read_bytes()).hexdigest() == digest
    weights = Path(runs[0]) / "sae_weights.safetensors"
    assert manifest["inputs"]["a"] == {
        "spec": runs[0],
        "sha256": hashlib.sha256(weights.read_bytes()).hexdigest(),
    }
    assert {"summary.json", "latents_a.parquet", "pairs.parquet", "curves.csv", "report.html"} < (
        written
    )
    assert len(pd.read_parquet(out / "latents_a.parquet")) == 60


def test_json_prints_the_summary_and_nothing_else(
    runs: tuple[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert run("compare", *runs, "--out", str(out), "--json", *FAST) == 0
    captured = capsys.readouterr()
    assert json.loads(captured.out) == json.loads((out / "summary.json").read_text())
    assert captured.err == ""


def test_quick_prints_numbers_and_writes_nothing(
    runs: tuple[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    assert run("compare", *runs, "--quick") == 0
    screen = capsys.readouterr().out
    assert all(len(line) <= 80 for line in screen.splitlines())
    assert "Of 60 latents 50.0% have a partner at 0.7 or more in decoder and encoder" in screen
    assert "no latent is graded" in " ".join(screen.split())
    assert run("compare", *runs, "--quick", "--json") == 0
    assert json.loads(capsys.readouterr().out)["policy"]["null"] == "isotropic"
    assert sorted(tmp_path.rglob("*")) == before
    assert run("compare", runs[0], runs[0], "--quick", "--strict") == 3


@pytest.mark.parametrize(
    "option", [("--out", "x"), ("--null", "haar"), ("--draws", "4"), ("--matrix",)]
)
def test_quick_refuses_what_it_would_leave_out(
    runs: tuple[str, str], option: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("compare", *runs, "--quick", *option) == 2
    assert f"{option[0]}: --quick looks at directions" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["compare", "stability"])
def test_what_says_how_firing_is_compared_needs_activations(
    command: str, runs: tuple[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    idle = ["--measure", "jaccard", "--min-firing", "3", "--no-held-out"]
    assert run(command, *runs, *idle, "--out", str(tmp_path / "out"), *FAST) == 2
    error = capsys.readouterr().err
    assert all(option in error for option in ("--measure", "--min-firing"))
    assert "would have no effect without activations" in error
    assert not (tmp_path / "out").exists()


def test_an_existing_result_needs_overwrite_and_other_folders_are_left_alone(
    runs: tuple[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    command = ["compare", *runs, "--out", str(out), *FAST]
    assert run(*command) == 0
    before = (out / "manifest.json").read_bytes()
    assert run(*command) == 2
    assert "error: " in (error := capsys.readouterr().err)
    assert "--overwrite" in error
    assert (out / "manifest.json").read_bytes() == before
    assert run(*command, "--overwrite") == 0

    treasure = tmp_path / "treasure"
    treasure.mkdir()
    (treasure / "thesis.tex").write_text("years of work")
    assert run("compare", *runs, "--out", str(treasure), "--overwrite", *FAST) == 2
    assert "holds no manifest.json" in capsys.readouterr().err
    assert (treasure / "thesis.tex").read_text() == "years of work"


def spoil_with_nan(folder: Path) -> None:
    weights = load_file(folder / "sae_weights.safetensors")
    weights["W_dec"][3, 1] = torch.nan
    save_file(weights, folder / "sae_weights.safetensors")


def truncate(folder: Path) -> None:
    file = folder / "sae_weights.safetensors"
    file.write_bytes(file.read_bytes()[:-100])


def remove_weights(folder: Path) -> None:
    (folder / "sae_weights.safetensors").unlink()


def unknown_architecture(folder: Path) -> None:
    config = json.loads((folder / "cfg.json").read_text())
    (folder / "cfg.json").write_text(json.dumps(config | {"architecture": "psychic"}))


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (spoil_with_nan, "NaN"),
        (truncate, "sae_weights.safetensors"),
        (remove_weights, "no"),
        (unknown_architecture, "psychic"),
    ],
)
def test_a_bad_run_gets_one_line_and_leaves_nothing(
    runs: tuple[str, str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    spoil: object,
    message: str,
) -> None:
    assert callable(spoil)
    spoil(Path(runs[1]))
    before = sorted(tmp_path.iterdir())
    assert run("compare", *runs, "--out", str(tmp_path / "out"), *FAST) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert error.count("\n") == 1
    assert message in error
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize(
    "options",
    [
        ["--threshold", "2"],
        ["--null", "perfect"],
        ["--view", "sideways"],
        ["--device", "abacus"],
        ["--alive", "file"],
    ],
)
def test_a_bad_option_is_named_and_leaves_nothing(
    runs: tuple[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str]
) -> None:
    before = sorted(tmp_path.iterdir())
    assert run("compare", *runs, "--out", str(tmp_path / "out"), *options) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert options[0] in error
    assert sorted(tmp_path.iterdir()) == before


def test_different_spaces_cannot_be_compared(
    runs: tuple[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save(make_run(unit_rows(60, 12, seed=0)), tmp_path / "narrow")
    assert run("compare", runs[0], str(tmp_path / "narrow"), "--out", str(tmp_path / "out")) == 2
    assert "width 24 in first and 12 in narrow" in capsys.readouterr().err


def heed_interrupts() -> None:
    """Undo what a shell does to the jobs it puts in the background: they ignore Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_an_interrupt_leaves_nothing_and_exits_130(tmp_path: Path) -> None:
    for name, seed in (("first", 0), ("second", 1)):
        save(make_run(unit_rows(1500, 32, seed=seed)), tmp_path / name)
    command = [sys.executable, "-m", "universality.cli", "compare", "first", "second"]
    with subprocess.Popen(
        [*command, "--draws", "500"],
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=heed_interrupts,
    ) as process:
        try:
            while not list(tmp_path.glob(".comparison*")):
                assert process.poll() is None
                time.sleep(0.05)
            process.send_signal(signal.SIGINT)
            _, error = process.communicate(timeout=60)
        finally:
            process.kill()
    assert process.returncode == 130
    assert error.strip().endswith("interrupted; nothing was left behind")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["first", "second"]


def test_help_does_not_import_torch() -> None:
    probe = (
        "import sys; from universality.cli import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", probe], check=True, capture_output=True)


def test_activations_add_a_view_to_screen_and_folder(
    runs: tuple[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    tokens = torch.randn(600, 24, generator=torch.Generator().manual_seed(3))
    write_cache(tmp_path / "cache", tokens, n_documents=12)
    out = Path("out")
    save_file({"W_U": torch.randn(24, 30)}, tmp_path / "unembedding.safetensors")
    cache = ("--activations", "cache", "--min-firing", "2")
    cache = (*cache, "--unembedding", "unembedding.safetensors")
    assert run("compare", *runs, *cache, "--out", str(out), *FAST) == 0
    screen = capsys.readouterr().out
    assert all(len(line) <= 80 for line in screen.splitlines())
    assert "activations, one to one" in screen
    assert "(tokens null)" in screen
    summary = json.loads((out / "summary.json").read_text())
    for check in summary["checks"]:
        if check["status"] in ("warn", "fail"):
            assert check["message"][1:] in " ".join(screen.split())
    assert summary["activations"]["n_tokens"] == 600
    assert "partner_activations" in pd.read_parquet(out / "latents_a.parquet")
    assert len(pd.read_parquet(out / "logits.parquet")["tokens"][0]) == 20


def test_a_failed_check_is_the_first_line_and_under_strict_an_exit_code(
    runs: tuple[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def compared(*more: str) -> int:
        out = tmp_path / "out"
        return run("compare", *more, "--out", str(out), "--overwrite", *FAST)

    assert compared(*runs, "--strict") == 0  # warnings do not count
    assert "WARN" in capsys.readouterr().out
    assert compared(runs[0], runs[0]) == 0
    screen = capsys.readouterr().out
    assert screen.startswith("Both runs hold the same weights")
    assert "not evidence of shared features" in screen.replace("\n", " ")
    assert compared(runs[0], runs[0], "--strict") == 3
    assert "--strict: failed: same_weights" in capsys.readouterr().err
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert summary["validity"]["valid"] is False
    assert summary["answer"][0].startswith("Both runs hold the same weights")
