"""The floor of the activations view: autoencoders at initialisation, over the same tokens.

Codes of two random dictionaries are alike where the tokens are: both are sparse pictures of the
same activations. The tokens null does not see that, since it takes the tokens apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import numpy as np
import torch

from universality.activation_functions import AbsTopK, TopK
from universality.activations.cache import ActivationCache
from universality.codes import Codes, take_latents
from universality.comparison.null_statistics import NullStatistics, over_draws
from universality.compute.workers import side_by_side
from universality.dictionary import Dictionary
from universality.metrics import Statistics, measure
from universality.nulls.plan import DrawPlan
from universality.nulls.rotation import unit_rows
from universality.runs.pair import Matched
from universality.runs.policy import Policy
from universality.runs.recording import Recording, record
from universality.runs.views import ACTIVATIONS, code_similarity, is_large, match_views

MOST_PRODUCTS = 1 << 40
"""Multiplications that one encoding of a draw may take: half a minute on one core."""


def draw_untrained_codes(
    matched: Matched,
    recording: Recording,
    policy: Policy,
    *,
    thresholds: Sequence[float],
    device: torch.device,
) -> NullStatistics:
    """What two runs of these shapes have in common in the activations view before any training.

    Each draw encodes the tokens with two random dictionaries: isotropic encoder rows, as many
    active latents per token as the run has, tokens centred and scaled as the run does. Latents
    take part that fire on `min_firing` tokens; at initialisation many never do. Where encoding
    would take long, only the first files of the caches are read, which the plan notes; fewer tokens
    raise the floor.
    """
    runs = ((matched.a.dictionary, recording.a), (matched.b.dictionary, recording.b))
    cost = max(codes.n_tokens * run.d_sae * run.d_in for run, codes in runs)
    caches = [shortened(cache, MOST_PRODUCTS / cost) for cache in recording.caches]

    def draw(seed: int) -> Statistics:
        generator = torch.Generator().manual_seed(seed)
        a, b = (untrained_like(run, codes, generator=generator) for run, codes in runs)
        drawn = record(a, b, caches, device=device, progress=False)
        similarity = code_similarity(
            *(_alive(codes, policy.min_firing) for codes in (drawn.a, drawn.b)),
            measure=policy.measure,
            absolute=policy.absolute,
        )
        return measure(match_views({ACTIVATIONS: similarity}), thresholds)

    n_draws = policy.draws_of("untrained")
    seeds = np.random.SeedSequence(policy.seed).generate_state(n_draws).tolist()
    n_a, n_b = matched.a.alive.n_alive, matched.b.alive.n_alive
    drawn = list(side_by_side(draw, seeds, device, large=is_large(n_a, n_b)))
    n_tokens = len(caches[0])
    whole = n_tokens == len(recording.caches[0])
    note = "" if whole else f"on the first {n_tokens:,} of {len(recording.caches[0]):,} tokens"
    return NullStatistics(
        name="untrained",
        plan=DrawPlan(n_draws, n_a, n_b, n_a, n_b, note),
        mean=over_draws(drawn, np.mean),
        sd=over_draws(drawn, partial(np.std, ddof=1)),
    )


def untrained_like(run: Dictionary, codes: Codes, *, generator: torch.Generator) -> Dictionary:
    """A run of the same shape at initialisation, with as many active latents per token."""
    active = max(1, round(codes.n_entries / codes.n_tokens))
    rule = run.activation_fn if isinstance(run.activation_fn, TopK | AbsTopK) else TopK(active)
    rows = unit_rows(run.d_sae, run.d_in, generator=generator)
    return replace(run, W_enc=rows, b_enc=None, activation_fn=rule, firing=None)


def shortened(cache: ActivationCache, fraction: float) -> ActivationCache:
    """The first files of a cache, about this fraction of them and at least one."""
    kept = cache.meta.shards[: max(1, round(fraction * len(cache.meta.shards)))]
    n_tokens = sum(shard.n_tokens for shard in kept)
    return replace(cache, meta=replace(cache.meta, shards=kept, n_tokens=n_tokens))


def _alive(codes: Codes, minimum: int) -> Codes:
    fires = codes.varies & (codes.count >= minimum)
    return take_latents(codes, np.flatnonzero(fires if fires.any() else codes.varies))
