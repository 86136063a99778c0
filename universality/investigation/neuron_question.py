"""Is it more than a neuron? The best neuron of each latent, where there are neurons."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
import pandas as pd

from universality.evidence.trace import FiringTrace
from universality.investigation.asked import Asked
from universality.investigation.neuron_basis import (
    decoder_spread,
    neuron_correlations,
    neuron_moments,
    neuron_trace,
    privileged_basis,
    shifted_neurons,
)
from universality.investigation.subjects import Subject

HOOK_NEURONS = "neurons"
"""What stands in place of a run where a neuron is shown."""

_DRAWS = 20


@final
@dataclass(frozen=True, eq=False)
class Neurons:
    """The neurons that are shown beside the latents."""

    reason: str
    """Why there are none; empty where there are."""
    traces: Mapping[int, FiringTrace]
    """The best neuron of each latent, and its values."""
    table: pd.DataFrame | None = None
    """One row per latent; None where there is nothing to compare."""


def neuron_question(asked: Asked, subjects: Sequence[Subject]) -> Neurons:
    """The neuron that correlates most with each latent, beside what chance gives.

    Columns: `run`, `latent`, `neuron`, `correlation`, `null_mean`, `null_largest`, `n_null`,
    `p_value`, and what `decoder_spread` says of the latent.
    """
    cache = asked.corpus.cache
    reason = privileged_basis(cache.meta.hook_name)
    if reason:
        return Neurons(reason, {})
    moments, rows, best = neuron_moments(cache), [], {}
    for one in subjects:
        found = neuron_correlations(one.trace, cache, moments)
        if not np.isfinite(found).any():
            continue
        neuron = int(np.nanargmax(found))
        null = shifted_neurons(one.trace, cache, moments, draws=_DRAWS, seed=asked.plan.seed)
        above = int((null >= found[neuron]).sum())
        best[neuron] = neuron_trace(cache, neuron)
        rows.append(
            {
                "run": one.over.name,
                "latent": one.latent,
                "neuron": neuron,
                "correlation": float(found[neuron]),
                "null_mean": float(np.nanmean(null)),
                "null_largest": float(np.nanmax(null)),
                "n_null": null.size,
                "p_value": (1 + above) / (1 + null.size),
                **decoder_spread(one.over.run, one.latent),
            }
        )
    return Neurons("", best, pd.DataFrame(rows) if rows else None)
