"""Runs of a second each, one per architecture: what the fixtures of trained runs are made with."""

from __future__ import annotations

from pathlib import Path

import torch

from tests.made_caches import write_cache
from universality.training.architectures import NAMES, make_architecture
from universality.training.grid import Cell
from universality.training.runs import raise_if_diverged, train_cells
from universality.training.settings import TrainingSettings

TRAINED = Path(__file__).resolve().parents[1] / "fixtures" / "trained"
D_IN, D_SAE, N_TOKENS = 16, 24, 12_000
SPARSITY: dict[str, dict[str, float]] = {
    "relu": {"l1": 1.0}, "relu_tied": {"l1": 1.0}, "gated": {"l1": 1.0},
    "jumprelu": {"target_l0": 4.0}, "transcoder": {"l1": 1.0},
}  # fmt: skip

__all__ = ["NAMES", "TRAINED", "made_tokens", "train_tiny"]


def made_tokens(n: int, seed: int) -> torch.Tensor:
    """Tokens with heavy tails and a mean that is not zero, (n, 16)."""
    return torch.randn(n, D_IN, generator=torch.Generator().manual_seed(seed)) ** 3 + 2


def train_tiny(name: str, folder: Path) -> Path:
    """Train that architecture in the folder; give the folder of the run."""
    x = made_tokens(3000, 0)
    source = write_cache(folder / "source", x)
    target = None
    if name == "transcoder":
        turned = x @ torch.randn(D_IN, D_IN, generator=torch.Generator().manual_seed(5))
        target = write_cache(folder / "target", turned, hook_name="blocks.1.hook_mlp_out")
    recipe = make_architecture(name, SPARSITY.get(name, {"k": 4}))
    settings = TrainingSettings(
        D_SAE, recipe, n_tokens=N_TOKENS, batch_size=100, learning_rate=1e-2, dtype="float32"
    )
    cells = [Cell("run", settings, source, target)]
    raise_if_diverged(train_cells(cells, folder / "out", device="cpu", progress=False))
    return folder / "out" / "run"
