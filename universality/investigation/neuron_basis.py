"""Is a latent more than a neuron? Only where single coordinates of the hook mean something."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np
import torch
from jaxtyping import Float64

from universality.activations.cache import ActivationCache, read_activations
from universality.dictionary import Dictionary
from universality.evidence.trace import FiringTrace

_BLOCK = 8_192
_PRIVILEGED = ("mlp.hook_post",)


def privileged_basis(hook_name: str) -> str:
    """Why single coordinates of a hook mean nothing; empty where they are neurons.

    A basis is privileged where a nonlinearity acts on each coordinate by itself. The residual
    stream, and what attention and MLP write into it, could be rotated and nothing would change.
    """
    if hook_name.endswith(_PRIVILEGED):
        return ""
    return (
        f"{hook_name or 'this hook'} has no privileged basis: its coordinates could be rotated "
        "and the model would be the same, so no single one of them is a neuron to compare with "
        "(an autoencoder on mlp.hook_post has neurons)"
    )


@final
@dataclass(frozen=True, eq=False)
class NeuronMoments:
    """Mean and spread of every neuron over a cache, in two passes of bounded memory."""

    mean: Float64[np.ndarray, " d_in"]
    """Mean value."""
    spread: Float64[np.ndarray, " d_in"]
    """Root of the sum of squared deviations."""
    n: int
    """Rows."""


def neuron_moments(cache: ActivationCache) -> NeuronMoments:
    """The moments of every column of a cache."""
    total = torch.zeros(cache.meta.d_in, dtype=torch.float64)
    for rows in _blocks(cache):
        total += read_activations(cache, rows).double().sum(dim=0)
    mean = total / len(cache)
    squares = torch.zeros_like(mean)
    for rows in _blocks(cache):
        squares += (read_activations(cache, rows).double() - mean).square().sum(dim=0)
    return NeuronMoments(mean.numpy(), squares.sqrt().numpy(), len(cache))


def neuron_correlations(
    trace: FiringTrace, cache: ActivationCache, moments: NeuronMoments, *, shift: int = 0
) -> Float64[np.ndarray, " d_in"]:
    """Pearson's correlation of a latent with every neuron; NaN where one never changes.

    Reads only the rows on which the latent fires, moved by `shift` around the cache.
    """
    values = trace.values.astype(np.float64)
    mean = values.sum() / moments.n
    own = np.sqrt(((values - mean) ** 2).sum() + (moments.n - values.size) * mean**2)
    products = np.zeros(cache.meta.d_in)
    moved = (trace.tokens + shift) % moments.n
    order = np.argsort(moved, kind="stable")
    at, weights = torch.from_numpy(moved[order]), torch.from_numpy(values[order])
    for rows, some in zip(torch.split(at, _BLOCK), torch.split(weights, _BLOCK), strict=True):
        if len(rows):
            centred = read_activations(cache, rows).double() - torch.from_numpy(moments.mean)
            products += (some @ centred).numpy()
    with np.errstate(invalid="ignore", divide="ignore"):
        found = products / (moments.spread * own)
    return np.where((moments.spread > 0) & (own > 0), found, np.nan)


def shifted_neurons(
    trace: FiringTrace, cache: ActivationCache, moments: NeuronMoments, *, draws: int, seed: int
) -> Float64[np.ndarray, " draws"]:
    """The greatest correlation with any neuron, the latent moved along the texts: a null."""
    offsets = np.random.default_rng(seed).integers(1, max(moments.n, 2), size=draws).tolist()
    found = [neuron_correlations(trace, cache, moments, shift=offset) for offset in offsets]
    return np.array([np.nanmax(one) if np.isfinite(one).any() else np.nan for one in found])


def neuron_trace(cache: ActivationCache, neuron: int) -> FiringTrace:
    """Where a neuron is not zero, and its value there."""
    parts = [read_activations(cache, rows)[:, neuron].double() for rows in _blocks(cache)]
    values = torch.cat(parts).numpy()
    at = np.flatnonzero(values)
    return FiringTrace(at.astype(np.int64), values[at])


def decoder_spread(run: Dictionary, latent: int) -> dict[str, float]:
    """How a decoder row spreads over the neurons.

    `participation` is (sum of squares)^2 / sum of fourth powers: 1 for one neuron, d_in for an even
    row; `n_above_tenth` neurons have a coefficient of .1 or more of the row's length;
    `largest_share` is the part of the squared length in the greatest.
    """
    row = run.directions("decoder")[latent].double()
    squares = row.square() / row.square().sum().clamp_min(1e-300)
    return {
        "participation": float(1 / squares.square().sum().clamp_min(1e-300)),
        "n_above_tenth": float((squares.sqrt() >= 0.1).sum()),
        "largest_share": float(squares.max()),
    }


def _blocks(cache: ActivationCache) -> list[torch.Tensor]:
    return list(torch.split(torch.arange(len(cache)), _BLOCK))
