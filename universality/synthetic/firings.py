"""Ways in which independent latents fire that make them look alike: codes over the same tokens.

Two calls with different generators give independent runs; what both see (documents, places, the
norms of tokens) is given.
"""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor


def firing_codes(
    n: int,
    documents: Int[np.ndarray, " n_tokens"],
    *,
    generator: torch.Generator,
    rate: float = 0.02,
    zipf: float = 0.7,
    longest_burst: int = 1,
    topics: float = 0.0,
    locked: float = 0.0,
    place: int = 0,
    token_norms: Float[Tensor, " n_tokens"] | None = None,
) -> Float[Tensor, "n_tokens n"]:
    """Sparse codes of n latents, the most frequent first, with half-normal strengths.

    Args:
        n: Number of latents.
        documents: Document of each token, ascending from 0.
        generator: Source of chance.
        rate: Mean share of the tokens on which a latent starts to fire.
        zipf: The rate falls as the latent's rank to minus this power.
        longest_burst: A firing goes on for 1 to this many tokens.
        topics: Standard deviation, over documents, of the logarithm of a latent's rate.
        locked: Share of the latents that fire at one place of the documents and nowhere else.
        place: That place.
        token_norms: What every code on a token is multiplied by, the same for all runs.
    """
    n_tokens = documents.size
    shape = torch.arange(1, n + 1, dtype=torch.float32) ** -zipf
    rates = (rate * shape / shape.mean()).clamp(max=0.5)
    where = torch.from_numpy(documents)
    if topics:
        spread = torch.randn(int(documents[-1]) + 1, n, generator=generator, dtype=torch.float32)
        by_document = torch.exp(topics * spread - topics**2 / 2)
        starts = _uniform(n_tokens, n, generator) < rates * by_document[where]
    else:
        starts = _uniform(n_tokens, n, generator) < rates
    fires = _lasting(starts, longest_burst, generator)
    if locked:
        begins = np.flatnonzero(np.diff(documents, prepend=-1))
        there = torch.from_numpy(np.arange(n_tokens) - begins[documents] == place)
        fires[:, : round(locked * n)] = there[:, None]
    strength = torch.randn(n_tokens, n, generator=generator, dtype=torch.float32).abs()
    if token_norms is not None:
        strength = strength * token_norms[:, None]
    return torch.where(fires, strength, 0.0)


def dense_codes(
    n: int, n_tokens: int, *, generator: torch.Generator, memory: float
) -> Float[Tensor, "n_tokens n"]:
    """Codes of latents that fire on half of the tokens: the positive part of an AR(1) series.

    `memory` is the correlation of the series with itself one token later.
    """
    steps = torch.randn(n_tokens, n, generator=generator, dtype=torch.float32)
    series = torch.empty_like(steps)
    series[0] = steps[0]
    for token in range(1, n_tokens):
        series[token] = memory * series[token - 1] + (1 - memory**2) ** 0.5 * steps[token]
    return series.clamp(min=0)


def _lasting(starts: Tensor, longest: int, generator: torch.Generator) -> Tensor:
    """Where something that started goes on: each start lasts 1 to `longest` tokens."""
    lasts = torch.randint(1, longest + 1, starts.shape, generator=generator)
    fires = starts.clone()
    for later in range(1, longest):
        going = starts[:-later] & (lasts[:-later] > later)
        fires[later:] |= going
    return fires


def _uniform(n_tokens: int, n: int, generator: torch.Generator) -> Tensor:
    return torch.rand(n_tokens, n, generator=generator, dtype=torch.float32)
