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
from universality.codes import Codes, take_latents
from universality.comparison.matched import Matched
from universality.comparison.null_statistics import NullStatistics, over_draws
from universality.comparison.policy import Policy
from universality.comparison.recording import Recording, record
from universality.comparison.views import ACTIVATIONS, code_similarity, match_views
from universality.dictionary import Dictionary
from universality.metrics import Statistics, measure
from universality.nulls.plan import DrawPlan
from universality.nulls.rotation import unit_rows
from universality.workers import side_by_side


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
    take part that fire on `min_firing` tokens; at initialisation many never do.
    """
    runs = ((matched.a.dictionary, recording.a), (matched.b.dictionary, recording.b))

    def draw(seed: int) -> Statistics:
        generator = torch.Generator().manual_seed(seed)
        a, b = (untrained_like(run, codes, generator=generator) for run, codes in runs)
        drawn = record(a, b, recording.caches, device=device, progress=False)
        similarity = code_similarity(
            *(_alive(codes, policy.min_firing) for codes in (drawn.a, drawn.b)),
            measure=policy.measure,
            absolute=policy.absolute,
        )
        return measure(match_views({ACTIVATIONS: similarity}), thresholds)

    n_draws = policy.draws_of("untrained")
    seeds = np.random.SeedSequence(policy.seed).generate_state(n_draws).tolist()
    drawn = list(side_by_side(draw, seeds, device))
    n_a, n_b = matched.a.alive.n_alive, matched.b.alive.n_alive
    return NullStatistics(
        name="untrained",
        plan=DrawPlan(n_draws, n_a, n_b, n_a, n_b),
        mean=over_draws(drawn, np.mean),
        sd=over_draws(drawn, partial(np.std, ddof=1)),
    )


def untrained_like(run: Dictionary, codes: Codes, *, generator: torch.Generator) -> Dictionary:
    """A run of the same shape at initialisation, with as many active latents per token."""
    active = max(1, round(codes.n_entries / codes.n_tokens))
    rule = run.activation_fn if isinstance(run.activation_fn, TopK | AbsTopK) else TopK(active)
    rows = unit_rows(run.d_sae, run.d_in, generator=generator)
    return replace(run, W_enc=rows, b_enc=None, activation_fn=rule, firing=None)


def _alive(codes: Codes, minimum: int) -> Codes:
    fires = codes.varies & (codes.count >= minimum)
    return take_latents(codes, np.flatnonzero(fires if fires.any() else codes.varies))
