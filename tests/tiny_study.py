"""A tiny study with every kind of result: runs of two widths, their activations, an unembedding.

Made without a model: all runs share 36 directions and add their own.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from tests.made_caches import write_cache
from tests.made_runs import make_run, unit_rows
from universality.activations.cache import ActivationCache
from universality.dictionary import Dictionary

_D_IN, _N_SHARED, _N_TOKENS, _N_WORDS = 16, 36, 1200, 50


@dataclass(frozen=True)
class TinyStudy:
    """What a comparison, or a study of many runs, is made from."""

    runs: tuple[Dictionary, ...]
    """Three runs of 48 latents and one of 72."""
    cache: ActivationCache
    """1,200 tokens of 12 documents."""
    unembedding: Path
    """A .npy file of 50 tokens."""


def make_study(folder: Path) -> TinyStudy:
    """The study, its files in a folder."""
    shared = unit_rows(_N_SHARED, _D_IN, seed=0)
    generator = torch.Generator().manual_seed(1)
    strength = torch.rand(_N_TOKENS, _N_SHARED, generator=generator)
    fires = torch.rand(_N_TOKENS, _N_SHARED, generator=generator) < 3 / _N_SHARED
    noise = 0.02 * torch.randn(_N_TOKENS, _D_IN, generator=generator)
    cache = write_cache(
        folder / "activations",
        torch.where(fires, strength, 0) @ shared + noise,
        n_documents=12,
        hook_name="blocks.0.hook_resid_post",
        model_name="planted",
    )
    unembedding = folder / "unembedding.npy"
    np.save(unembedding, unit_rows(_N_WORDS, _D_IN, seed=2).numpy())
    runs = [_run(shared, n, seed=seed) for seed, n in enumerate((48, 48, 48, 72))]
    return TinyStudy(tuple(runs), cache, unembedding)


def _run(shared: torch.Tensor, n: int, *, seed: int) -> Dictionary:
    generator = torch.Generator().manual_seed(100 + seed)
    noisy = shared + 0.05 * torch.randn(shared.shape, generator=generator)
    own = unit_rows(n - len(shared), shared.shape[1], seed=200 + seed)
    order = torch.randperm(n, generator=generator)
    W_dec, W_enc = (
        torch.cat([rows, own])[order]
        for rows in (noisy, noisy + 0.02 * torch.randn(shared.shape, generator=generator))
    )
    frequency = torch.rand(n, generator=generator) / 10
    return make_run(W_dec, W_enc, name=f"w{n}-s{seed}", frequency=frequency, seed=seed)
