"""Runs that read single axes of activations in which each axis fires on its own."""

from __future__ import annotations

import torch
from torch import Tensor

from universality.activation_functions import ReLU
from universality.dictionary import Dictionary, RunKey, Source

N, N_SHARED, N_AXES, N_TOKENS = 30, 20, 50, 2_000


def axis_run(seed: int, *, name: str | None = None, hook_name: str = "made") -> Dictionary:
    """Reads 20 axes that all runs read and 10 of its own (up to seed 2), shuffled."""
    generator = torch.Generator().manual_seed(seed)
    own = torch.arange(N_SHARED + 10 * seed, N_SHARED + 10 * (seed + 1))
    axes = torch.cat([torch.arange(N_SHARED), own])[torch.randperm(N, generator=generator)]
    rows = torch.eye(N_AXES)[axes]
    return Dictionary(
        W_dec=rows,
        W_enc=rows,
        activation_fn=ReLU(),
        key=RunKey(seed=seed, hook_name=hook_name, model_name="planted"),
        source=Source(name=name or f"run{seed}"),
    )


def axis_of(run: Dictionary, latent: int) -> int:
    """The axis that a latent reads."""
    return int(run.W_dec[latent].argmax())


def axis_activations() -> Tensor:
    """Tokens on each of which about one axis in twenty fires, independently."""
    generator = torch.Generator().manual_seed(0)
    fires = torch.rand(N_TOKENS, N_AXES, generator=generator) < 0.05
    return fires * (0.5 + torch.rand(N_TOKENS, N_AXES, generator=generator))
