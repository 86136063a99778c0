"""Stitching: what one latent of a wide run adds to a narrow one's reconstruction.

After Leask et al. (2502.04878): a latent of the larger autoencoder is novel when adding it to the
smaller one lowers the reconstruction error, and a refinement of what is there when it does not.
"""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float64
from tqdm import tqdm

from universality.activations.cache import ActivationCache, read_activations
from universality.dictionary import Dictionary
from universality.input_normalization import normalize

MOST_TOKENS = 32_768
"""Tokens of a cache that are used, spread evenly over it."""

_TOKENS_PER_STEP = 512


@torch.no_grad()
def stitching_gain(
    narrow: Dictionary, wide: Dictionary, cache: ActivationCache
) -> Float64[np.ndarray, " d_sae_wide"]:
    """Relative change of the narrow run's squared error when one wide latent is added to it.

    Negative where the latent lowers the error; 0 for one that never fires. Each latent is added
    alone, with its own codes. O(tokens x d_in x d_sae_wide).
    """
    n_tokens = min(len(cache), MOST_TOKENS)
    tokens = torch.arange(n_tokens) * len(cache) // n_tokens
    directions = wide.directions("decoder").float()
    change = torch.zeros(wide.d_sae, dtype=torch.float64)
    error = 0.0
    steps = torch.split(tokens, _TOKENS_PER_STEP)
    for part in tqdm(steps, desc="stitching", leave=False, disable=None):
        x = read_activations(cache, part).float()
        residual = x - narrow.decode(narrow.encode(x), x)
        _, _, scale = normalize(wide.input_normalization, x)
        # A scale per dimension is already in the directions; one per token divides the codes.
        codes = wide.encode(x) / (scale if scale.shape[-1:] in ((), (1,)) else 1)
        squares = codes.double().square().sum(dim=0) * directions.double().square().sum(dim=1)
        change += squares - 2 * (codes * (residual @ directions.T)).double().sum(dim=0)
        error += float(residual.double().square().sum())
    return np.asarray((change / max(error, torch.finfo(torch.float64).tiny)).numpy())
