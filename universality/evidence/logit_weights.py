"""What latents write, as weights over the vocabulary: the direct path from decoder to logits."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float, Int64
from torch import Tensor

from universality.compute.stages import counted
from universality.models.unembedding import Unembedding

BINS = 40
"""Bins of the weights over the whole vocabulary."""
TOP = 10
"""Tokens kept at either end."""
BULK = 200
"""Tokens kept of the vocabulary between, evenly spaced in its order."""
_LATENTS_PER_STEP = 256


def logit_tops(
    directions: Float[Tensor, "d_sae d_in"],
    latents: Sequence[int],
    unembedding: Unembedding,
    *,
    side: str,
) -> pd.DataFrame:
    """One row per latent: `side`, `latent`, `tokens`, `weights`, `counts`.

    The ten tokens of greatest logit weight, then the ten of least; falling throughout. `counts` are
    of all tokens of the vocabulary, in bins of equal width from the least weight to the greatest.
    """
    rows: list[tuple[str, int, list[str], np.ndarray]] = []
    counts: list[np.ndarray] = []
    starts = range(0, len(latents), _LATENTS_PER_STEP)
    for start in counted(starts, f"logit weights of {side}"):
        part = torch.as_tensor(latents[start : start + _LATENTS_PER_STEP])
        weights = directions[part].float() @ unembedding.weights.T
        n = min(TOP, weights.shape[1] // 2)
        high, low = weights.topk(n, dim=1), weights.topk(n, dim=1, largest=False)
        tokens = torch.cat([high.indices, low.indices.flip(1)], dim=1)
        values = torch.cat([high.values, low.values.flip(1)], dim=1)
        for latent, own, numbers in zip(part.tolist(), tokens.tolist(), values, strict=True):
            strings = [unembedding.strings[token] for token in own]
            rows.append((side, latent, strings, numbers.numpy()))
        counts += [np.histogram(one.numpy(), bins=BINS)[0] for one in weights]
    table = pd.DataFrame(rows, columns=["side", "latent", "tokens", "weights"])
    return table.assign(counts=pd.Series(counts, dtype=object))


def logit_weights_of_pairs(
    pairs: pd.DataFrame,
    a: Float[Tensor, "d_sae_a d_in"],
    b: Float[Tensor, "d_sae_b d_in"],
    *,
    unembedding: Unembedding,
    n_pairs: int = 5_000,
) -> pd.DataFrame:
    """One row per pair: `a`, `b`, `correlation`, `tokens`, `weights_a`, `weights_b`.

    `correlation` is Pearson's, of the logit weights over the whole vocabulary. The weights are
    those of the ten tokens at either end of each latent, and of 200 evenly spaced through the
    vocabulary. Of more pairs than `n_pairs`, an evenly spaced part is kept.
    """
    chosen = np.linspace(0, len(pairs) - 1, min(n_pairs, len(pairs))).astype(int)
    kept = pairs.iloc[np.unique(chosen)]
    n_vocabulary = len(unembedding.strings)
    bulk = np.unique(np.linspace(0, n_vocabulary - 1, min(BULK, n_vocabulary)).astype(int))
    rows = []
    for start in range(0, len(kept), _LATENTS_PER_STEP // 2):
        part = kept[["a", "b"]].iloc[start : start + _LATENTS_PER_STEP // 2]
        i, j = (torch.from_numpy(part[side].to_numpy(copy=True)) for side in ("a", "b"))
        products = torch.stack([a[i].float(), b[j].float()], dim=1) @ unembedding.weights.T
        for pair, both in zip(part.itertuples(index=False), products, strict=True):
            correlation = float(torch.corrcoef(both.double())[0, 1])
            shown = np.union1d(bulk, _ends(both))
            strings = [unembedding.strings[token] for token in shown]
            weights = both[:, torch.from_numpy(shown)].numpy()
            rows.append((*pair, correlation, strings, *weights))
    names = ["a", "b", "correlation", "tokens", "weights_a", "weights_b"]
    return pd.DataFrame(rows, columns=names)


def _ends(weights: Float[Tensor, "2 n_vocabulary"]) -> Int64[np.ndarray, " n"]:
    n = min(TOP, weights.shape[1])
    ends = [weights.topk(n, dim=1, largest=largest).indices for largest in (True, False)]
    return np.unique(torch.cat(ends).numpy())
