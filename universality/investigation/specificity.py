"""How strongly a latent fires, where, and how much of that its proxies account for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import final

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Float64, Int64

from universality.evidence.trace import FiringTrace

N_BINS = 50
"""Bins of the histogram of activations."""
N_GROUPS = 10
"""Intervals of equal width, and quantiles."""
RATIO_EDGES = (-np.inf, -5.0, 0.0, 2.0, 5.0, np.inf)
"""Classes of log-likelihood ratios that colour the histogram, in natural logarithms."""
POSITIVE = 0.0
"""A token is one of the proxy's where its ratio is above this."""

_RULES = ("interval", "quantile")


@final
@dataclass(frozen=True, eq=False)
class Scored:
    """The ratio of every compared token under one proxy."""

    name: str
    """The proxy."""
    ratios: Float64[np.ndarray, " n_tokens"]
    """Natural logarithms."""

    @property
    def positive(self) -> Bool[np.ndarray, " n_tokens"]:
        """Which tokens are the proxy's."""
        return self.ratios > POSITIVE


def activation_histogram(trace: FiringTrace, *, n_tokens: int) -> pd.DataFrame:
    """One row per bin of equal width from the least to the greatest code, 0 included.

    Columns: `bin`, `low`, `high`, `count` (tokens on which it fires), `density` (of all tokens),
    `weight` (sum of the codes in it: the expected-value plot).
    """
    edges = _edges(trace.values, N_BINS)
    places = _places(trace.values, edges)
    counts = np.bincount(places, minlength=N_BINS)
    return pd.DataFrame(
        {
            "bin": np.arange(N_BINS),
            "low": edges[:-1],
            "high": edges[1:],
            "count": counts,
            "density": counts / n_tokens,
            "weight": np.bincount(places, weights=trace.values, minlength=N_BINS),
        }
    )


def ratio_histogram(trace: FiringTrace, scored: Scored) -> pd.DataFrame:
    """The bins of the histogram split by classes of the proxy's ratio.

    Columns: `proxy`, `bin`, `ratio_low`, `ratio_high`, `count`.
    """
    places = _places(trace.values, _edges(trace.values, N_BINS))
    classes = np.searchsorted(RATIO_EDGES[1:-1], scored.ratios[trace.tokens], side="left")
    n = len(RATIO_EDGES) - 1
    counts = np.bincount(places * n + classes, minlength=N_BINS * n)
    return pd.DataFrame(
        {
            "proxy": scored.name,
            "bin": np.repeat(np.arange(N_BINS), n),
            "ratio_low": np.tile(RATIO_EDGES[:-1], N_BINS),
            "ratio_high": np.tile(RATIO_EDGES[1:], N_BINS),
            "count": counts,
        }
    )


def groups_of(trace: FiringTrace) -> Mapping[str, Int64[np.ndarray, " n_firings"]]:
    """Under each rule, the group of each firing: 0 holds the weakest.

    `interval`: ten intervals of equal width from the least to the greatest code, 0 included.
    `quantile`: ten parts of equally many firings, ties in the order of the tokens.
    """
    ranks = np.empty(trace.values.size, dtype=np.int64)
    ranks[np.argsort(trace.values, kind="stable")] = np.arange(trace.values.size)
    return {
        "interval": _places(trace.values, _edges(trace.values, N_GROUPS)),
        "quantile": ranks * N_GROUPS // max(trace.values.size, 1),
    }


def group_table(trace: FiringTrace) -> pd.DataFrame:
    """One row per rule and group: `low`, `high`, `n_firings`, `share`.

    An interval has its edges; a quantile the least and the greatest code in it, NaN where it holds
    none.
    """
    edges = _edges(trace.values, N_GROUPS)
    rows = []
    for rule, group in groups_of(trace).items():
        for number in range(N_GROUPS):
            inside = trace.values[group == number]
            ends = (
                (edges[number], edges[number + 1])
                if rule == "interval"
                else (inside.min(), inside.max())
                if inside.size
                else (np.nan, np.nan)
            )
            share = inside.size / max(trace.values.size, 1)
            rows.append((rule, number, *ends, inside.size, share))
    return pd.DataFrame(rows, columns=["rule", "group", "low", "high", "n_firings", "share"])


def group_scores(trace: FiringTrace, scored: Scored) -> pd.DataFrame:
    """One row per rule and group: `proxy`, `precision`, `recall`.

    Precision is the share of the group's firings that are the proxy's, NaN where it has none;
    recall the share of the proxy's tokens that are firings of the group: over the groups of a rule
    it adds up to the recall of the latent.
    """
    positive, n_positive = scored.positive[trace.tokens], int(scored.positive.sum())
    rows = []
    for rule, group in groups_of(trace).items():
        firings = np.bincount(group, minlength=N_GROUPS)
        hits = np.bincount(group, weights=positive, minlength=N_GROUPS)
        with np.errstate(invalid="ignore"):
            precision, recall = hits / firings, hits / n_positive
        rows += [
            (scored.name, rule, number, precision[number], recall[number])
            for number in range(N_GROUPS)
        ]
    return pd.DataFrame(rows, columns=["proxy", "rule", "group", "precision", "recall"])


def _edges(values: Float[np.ndarray, " n"], n: int) -> Float64[np.ndarray, " n_edges"]:
    low = min(0.0, float(values.min(initial=0.0)))
    high = max(0.0, float(values.max(initial=0.0)))
    return np.linspace(low, high if high > low else low + 1, n + 1)


def _places(
    values: Float[np.ndarray, " n"], edges: Float64[np.ndarray, " n_edges"]
) -> Int64[np.ndarray, " n"]:
    """Which bin each value is in; a value at an edge is in the lower of the two."""
    found = np.searchsorted(edges, values.astype(np.float64), side="left") - 1
    return found.clip(0, len(edges) - 2).astype(np.int64)
