"""Stitching: what one latent of a wide run adds to a narrow one's reconstruction.

After Leask et al. (2502.04878): a latent of the larger autoencoder is novel when adding it to the
smaller one lowers the reconstruction error, and a refinement of what is there when it does not.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float64

from universality.activations.cache import ActivationCache, read_rows
from universality.compute.stages import counted
from universality.dictionary import Dictionary
from universality.input_normalization import normalize

MOST_TOKENS = 32_768
"""Tokens of a cache that are used, spread evenly over it."""

_TOKENS_PER_STEP = 512
_MOST_GROUPS = 200


class Stitching(NamedTuple):
    """What each wide latent does to the narrow run's squared error when it is added alone."""

    gain: Float64[np.ndarray, " d_sae_wide"]
    """Relative change: negative where the latent lowers the error, 0 where it never fires."""
    z: Float64[np.ndarray, " d_sae_wide"]
    """The change in standard errors over documents; NaN with one document, or where it never
    fires."""


@torch.no_grad()
def stitching_gain(narrow: Dictionary, wide: Dictionary, cache: ActivationCache) -> Stitching:
    """What each wide latent adds to the narrow run, alone and with its own codes.

    More than 200 documents are put together into 200 groups. O(tokens x d_in x d_sae_wide).
    """
    n_tokens = min(len(cache), MOST_TOKENS)
    tokens = torch.arange(n_tokens) * len(cache) // n_tokens
    directions = wide.directions("decoder").float()
    lengths = directions.double().square().sum(dim=1)
    change = torch.zeros(_MOST_GROUPS, wide.d_sae, dtype=torch.float64)
    seen = torch.zeros(_MOST_GROUPS, dtype=torch.bool)
    error = 0.0
    steps = torch.split(tokens, _TOKENS_PER_STEP)
    for part in counted(steps, "stitching"):
        rows = read_rows(cache, part)
        x, group = rows.activations.float(), rows.documents.long() % _MOST_GROUPS
        residual = x - narrow.decode(narrow.encode(x), x)
        _, _, scale = normalize(wide.input_normalization, x)
        # A scale per dimension is already in the directions; one per token divides the codes.
        codes = wide.encode(x) / (scale if scale.shape[-1:] in ((), (1,)) else 1)
        each = codes.double().square() * lengths - 2 * (codes * (residual @ directions.T)).double()
        change.index_add_(0, group, each)
        seen[group] = True
        error += float(residual.double().square().sum())
    scaled = (change[seen] / max(error, torch.finfo(torch.float64).tiny)).numpy()
    return Stitching(scaled.sum(axis=0), _over_documents(scaled))


def _over_documents(change: Float64[np.ndarray, "n d_sae"]) -> Float64[np.ndarray, " d_sae"]:
    """The sum over documents in its standard errors."""
    n = len(change)
    if n < 2:
        return np.full(change.shape[1], np.nan)
    error = np.sqrt(n) * change.std(axis=0, ddof=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(error > 0, change.sum(axis=0) / error, np.nan)
