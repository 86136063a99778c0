"""How much of what a proxy holds for a latent fires on, and what it misses."""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Float64, Int64

from universality.evidence.trace import FiringTrace
from universality.investigation.specificity import Scored


def proxy_scores(trace: FiringTrace, scored: Scored) -> dict[str, Any]:
    """What a proxy and a latent have to do with each other, over all compared tokens.

    `base_rate` and `density` are the shares of tokens that are the proxy's, and on which the latent
    fires; `precision` and `recall` of its firings: precision x density = recall x base rate.
    `correlation` is Pearson's, between the activation and whether the token is the proxy's, NaN
    where one of them never changes. `silent` is 1 - recall.
    """
    n_tokens, positive = scored.ratios.size, scored.positive
    both = int(positive[trace.tokens].sum())
    n_positive, n_fires = int(positive.sum()), trace.tokens.size
    return {
        "proxy": scored.name,
        "base_rate": n_positive / n_tokens,
        "density": n_fires / n_tokens,
        "precision": both / n_fires if n_fires else np.nan,
        "recall": both / n_positive if n_positive else np.nan,
        "silent": 1 - both / n_positive if n_positive else np.nan,
        "correlation": _correlation(trace, positive),
        "mean_ratio": float(scored.ratios[trace.tokens].mean()) if n_fires else np.nan,
        "n_proxy": n_positive,
        "n_both": both,
    }


def missed_tokens(
    trace: FiringTrace, scored: Scored, *, n: int, generator: np.random.Generator
) -> Int64[np.ndarray, " n_missed"]:
    """Up to n of the proxy's tokens on which the latent is silent, drawn evenly."""
    missed = np.setdiff1d(np.flatnonzero(scored.positive), trace.tokens, assume_unique=True)
    return np.sort(generator.choice(missed, size=min(n, missed.size), replace=False))


def _correlation(trace: FiringTrace, positive: np.ndarray) -> float:
    n = positive.size
    values: Float64[np.ndarray, " n_firings"] = trace.values.astype(np.float64)
    mean, rate = values.sum() / n, positive.mean()
    spread = ((values - mean) ** 2).sum() + (n - values.size) * mean**2
    variance = n * rate * (1 - rate)
    if spread <= 0 or variance <= 0:
        return float("nan")
    product = (values * (positive[trace.tokens] - rate)).sum()
    return float(product / np.sqrt(spread * variance))
