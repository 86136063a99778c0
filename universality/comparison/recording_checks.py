"""What the activations of a comparison leave open."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from universality.checks import Check
from universality.checks.activations import (
    check_cache_hooks,
    check_cache_models,
    check_documents,
    check_silent_latents,
    check_spaces,
    check_tokens,
)
from universality.comparison.null_statistics import NullStatistics, null_of
from universality.evidence.document_interval import FEW_DOCUMENTS, FEWEST_DOCUMENTS
from universality.runs.recording import Recording
from universality.runs.views import ACTIVATIONS, Side


def check_recording(
    a: Side, b: Side, recording: Recording, nulls: Sequence[NullStatistics], min_firing: int
) -> list[Check]:
    """What the activations leave open: few tokens, silent latents, spaces of different width."""
    silent = [float(np.mean(codes.count < min_firing)) for codes in (recording.a, recording.b)]
    cache_a, cache_b = (cache.meta for cache in recording.caches)
    checks = [
        check_spaces(a.dictionary, b.dictionary),
        check_cache_hooks(a.dictionary, b.dictionary, (cache_a.hook_name, cache_b.hook_name)),
        check_cache_models(a.dictionary, b.dictionary, (cache_a.model_name, cache_b.model_name)),
        check_silent_latents(silent[0], silent[1], minimum=min_firing),
    ]
    if a.codes is not None:
        chance = null_of(ACTIVATIONS, nulls).mean.averages[ACTIVATIONS, "greedy_ab.mean"]
        checks.append(check_tokens(recording.n_tokens, null_mean=chance))
        checks.append(
            check_documents(recording.n_documents, few=FEW_DOCUMENTS, fewest=FEWEST_DOCUMENTS)
        )
    return checks
