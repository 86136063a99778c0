"""The nulls that a comparison's policy asks for, drawn."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from universality.comparison.null_statistics import (
    NullStatistics,
    draw_direction_nulls,
    draw_tokens_null,
)
from universality.comparison.untrained import draw_untrained_codes
from universality.runs.pair import Matched
from universality.runs.policy import Policy
from universality.runs.views import ACTIVATIONS


def draw_nulls(
    matched: Matched, policy: Policy, *, thresholds: Sequence[float], device: torch.device
) -> list[NullStatistics]:
    """The policy's nulls for views of directions; where latents fire, that of tokens.

    The untrained floor, if asked for, is drawn for both.
    """
    a, b, recording = matched.a, matched.b, matched.recording
    nulls = []
    if a.directions:
        nulls = draw_direction_nulls(
            {name: policy.draws_of(name) for name in policy.nulls},
            a.directions,
            b.directions,
            thresholds=thresholds,
            absolute=policy.absolute,
            device=device,
            seed=policy.seed,
        )
    if recording is not None and ACTIVATIONS in matched.matches:
        tokens = draw_tokens_null(
            a,
            b,
            matched.matches,
            recording.table.documents,
            thresholds=thresholds,
            n_draws=policy.n_draws,
            measure_of_codes=policy.measure,
            absolute=policy.absolute,
            seed=policy.seed,
        )
        nulls.append(tokens)
        if "untrained" in policy.nulls and a.dictionary.views and b.dictionary.views:
            nulls.append(
                draw_untrained_codes(
                    matched, recording, policy, thresholds=thresholds, device=device
                )
            )
    return nulls
