"""Codes with every oddity that real ones have, and dense oracles for them."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from universality.codes import from_batches
from universality.similarity.code_similarity import CodeSimilarity


def awkward_codes(n_tokens: int, d_sae: int, *, seed: int, signed: bool = False) -> np.ndarray:
    """Sparse codes with a dead, an always-on, a constant, a rare and a duplicated latent."""
    rng = np.random.default_rng(seed)
    values = rng.lognormal(size=(n_tokens, d_sae)) * (rng.random((n_tokens, d_sae)) < 0.1)
    if signed:
        values *= rng.choice([-1, 1], size=values.shape)
    special = min(d_sae, 5)
    values[:, 0] = 0
    if special > 1:
        values[:, 1] = 100 + rng.normal(size=n_tokens)
    if special > 2:
        values[:, 2] = 0.1
    if special > 3:
        values[:, 3] = 0
        values[n_tokens // 2, 3] = 5
    if special > 4:
        values[:, 4] = values[:, -1]
    return values.astype(np.float32)


def pearson(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The dense oracle; 0 where a latent does not vary."""
    n_a = a.shape[1]
    with np.errstate(invalid="ignore", divide="ignore"):
        r = np.corrcoef(a.astype(np.float64), b.astype(np.float64), rowvar=False)[:n_a, n_a:]
    varies = np.ptp(a, axis=0)[:, None] * np.ptp(b, axis=0)[None, :] > 0
    return np.where(varies, r, 0)


def between(a: np.ndarray, b: np.ndarray, *args: Any, **options: Any) -> CodeSimilarity:
    return CodeSimilarity.between(
        from_batches([a], a.shape[1]),
        from_batches([b], b.shape[1]),
        *args,
        progress=False,
        **options,
    )


def all_pairs(similarity: CodeSimilarity) -> np.ndarray:
    n_a, n_b = similarity.shape
    i, j = np.divmod(np.arange(n_a * n_b), n_b)
    return similarity.at(torch.from_numpy(i), torch.from_numpy(j)).numpy().reshape(n_a, n_b)
