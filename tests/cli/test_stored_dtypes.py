"""Every number format that weights and activations are stored in, through the commands."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from tests.made_runs import unit_rows
from universality.cli import main

FAST = ["--null", "isotropic", "--draws", "2"]
STORED = {
    "float16": torch.float16,
    "bfloat16": torch.bfloat16,
    "float32": torch.float32,
    "float64": torch.float64,
}
EIGHT_BITS = {"float8_e4m3fn": torch.float8_e4m3fn, "float8_e5m2": torch.float8_e5m2}
N, D = 60, 24


def run(*arguments: object) -> int:
    with pytest.raises(SystemExit) as left:
        main([str(argument) for argument in arguments])
    return int(left.value.code or 0)


def sae_lens_folder(folder: Path, seed: int, dtype: torch.dtype) -> Path:
    """Sixty latents, half of them the same in every seed, every tensor of this format."""
    folder.mkdir(parents=True)
    rows = torch.cat([unit_rows(N // 2, D, seed=99), unit_rows(N // 2, D, seed=seed)])
    tensors = {"W_dec": rows, "W_enc": rows.T, "b_dec": torch.zeros(D), "b_enc": torch.zeros(N)}
    save_file(
        {name: tensor.to(dtype).contiguous() for name, tensor in tensors.items()},
        folder / "sae_weights.safetensors",
    )
    config = {"architecture": "standard", "d_in": D, "d_sae": N, "hook_name": "h", "seed": seed}
    (folder / "cfg.json").write_text(json.dumps(config))
    return folder


def activations(path: Path, dtype: torch.dtype) -> Path:
    rows = torch.randn(1_500, D, generator=torch.Generator().manual_seed(5))
    save_file({"activations": rows.to(dtype)}, path)
    return path


def shares(out: Path) -> dict[str, float]:
    views = json.loads((out / "summary.json").read_text())["views"]
    return {view: found["assignment"]["mean"] for view, found in views.items()}


@pytest.mark.parametrize("name", STORED)
def test_compare_and_stability_read_it_with_its_activations(name: str, tmp_path: Path) -> None:
    runs = [sae_lens_folder(tmp_path / f"r{seed}", seed, STORED[name]) for seed in range(3)]
    plain = [sae_lens_folder(tmp_path / f"p{seed}", seed, torch.float32) for seed in range(2)]
    cache = activations(tmp_path / "acts.safetensors", STORED[name])
    assert run("compare", *runs[:2], "--activations", cache, "--out", tmp_path / "c", *FAST) == 0
    assert run("compare", *plain, "--activations", cache, "--out", tmp_path / "d", *FAST) == 0
    assert run("stability", *runs, "--activations", cache, "--out", tmp_path / "s", *FAST) == 0
    # What is stored differs by its rounding alone, so the same numbers come out to that.
    found, expected = shares(tmp_path / "c"), shares(tmp_path / "d")
    assert set(found) == {"decoder", "encoder", "activations"}
    for view, value in found.items():
        assert value == pytest.approx(expected[view], abs=0.02 if "16" in name else 1e-6)


@pytest.mark.parametrize("name", EIGHT_BITS)
@pytest.mark.parametrize("command", ["compare", "stability", "inspect"])
def test_eight_bits_are_refused_by_their_name(
    name: str, command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runs = [sae_lens_folder(tmp_path / f"r{seed}", seed, EIGHT_BITS[name]) for seed in range(2)]
    arguments = runs[:1] if command == "inspect" else [*runs, "--out", tmp_path / "out"]
    assert run(command, *arguments) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert f"eight-bit floats ({name})" in error
    assert "sae_weights.safetensors" in error
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", EIGHT_BITS)
def test_activations_of_eight_bits_are_refused_by_their_name(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runs = [sae_lens_folder(tmp_path / f"r{seed}", seed, torch.float32) for seed in range(2)]
    cache = activations(tmp_path / "acts.safetensors", EIGHT_BITS[name])
    assert run("compare", *runs, "--activations", cache, "--out", tmp_path / "c", *FAST) == 2
    assert f"eight-bit floats ({name})" in capsys.readouterr().err


@pytest.mark.parametrize("scale", [1e-30, 1.0, 1e30])
@pytest.mark.parametrize("command", ["compare", "stability"])
def test_numpys_default_format_is_read_at_any_scale(
    command: str, scale: float, tmp_path: Path
) -> None:
    for seed in range(2):
        rows = np.random.default_rng(seed).standard_normal((N, D))
        np.save(tmp_path / f"{seed}.npy", rows * (scale if seed else 1.0))
    arrays = [tmp_path / "0.npy", tmp_path / "1.npy"]
    unembedding = tmp_path / "unembedding.npy"
    np.save(unembedding, np.random.default_rng(7).standard_normal((80, D)))
    extra = ["--unembedding", unembedding] if command == "compare" else []
    assert run(command, *arrays, *extra, "--out", tmp_path / "out") == 0


def test_float64_beyond_the_range_of_float32_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = np.random.default_rng(0).standard_normal((N, D))
    np.save(tmp_path / "a.npy", rows)
    np.save(tmp_path / "b.npy", rows * 1e200)
    assert run("compare", tmp_path / "a.npy", tmp_path / "b.npy", "--out", tmp_path / "out") == 2
    assert "beyond the range of float32" in capsys.readouterr().err
