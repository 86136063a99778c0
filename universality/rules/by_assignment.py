"""Rules on the best one-to-one assignment of decoder and encoder rows."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool

from universality.matching import Matching
from universality.rules.compared_runs import ComparedRuns, RuleReading, mean_reading
from universality.runs.metrics import same_partner

PAULO_THRESHOLD = 0.7
"""Both cosines must exceed it."""


def paulo2025(runs: ComparedRuns) -> list[RuleReading]:
    """Share of latents to which decoder and encoder assign one partner, both cosines over .7.

    Paulo and Belrose (arXiv:2501.16615), section 3: a latent is shared if the Hungarian assignments
    of encoder and decoder rows give it the same counterpart and both cosines exceed 0.7. Of
    min(n_a, n_b) pairs. The assignments are those of `hungarian_aligmnent.py` in
    EleutherAI/sae_overlap at 0c9eb5ec: unit rows, `linear_sum_assignment(maximize=True)`, every
    latent of the checkpoint, dead or not.
    """
    shared = []
    for i, j in runs.pairs:
        decoder, encoder = (runs.matching(i, j, view) for view in ("decoder", "encoder"))
        shared.append(_shared_by_both(decoder, encoder, PAULO_THRESHOLD))
    return [mean_reading("share of latents", shared)]


def agreement2025(runs: ComparedRuns) -> list[RuleReading]:
    """Share of latents whose decoder and encoder assignments name one partner, at no threshold.

    The 79 % that Paulo and Belrose (2025) state beside the 42 % of `paulo2025` for the same pair,
    of the latents of the first run. Its chance is far above 1/n where a run's own decoder and
    encoder rows are alike.
    """
    agreeing = [
        same_partner(runs.matching(i, j, "decoder"), runs.matching(i, j, "encoder"))
        for i, j in runs.pairs
    ]
    return [mean_reading("share of latents", agreeing)]


def song2025(runs: ComparedRuns) -> list[RuleReading]:
    """PW-MCC: mean signed cosine of the decoder assignment, mean over pairs of runs.

    Song et al. (arXiv:2505.20254), section 3: 1 / n times the maximum over permutations of the sum
    of <a_i, b_p(i)> of unit dictionary columns; `MCC` in examples/dictionary_learning/utils.py of
    xiangchensong/sae-feature-consistency at 32da471c.
    """
    matched = [runs.matching(i, j, "decoder").similarity for i, j in runs.pairs]
    return [mean_reading("mean cosine", matched)]


def saelens2026(runs: ComparedRuns) -> list[RuleReading]:
    """Mean absolute cosine of the decoder assignment to the true features, the first run.

    `mean_correlation_coefficient` of sae_lens/synthetic/evals.py (sae-lens 6.54.12), which has
    Song et al.'s name and drops the sign. Its authors state it against a known truth, never between
    two runs.
    """
    others = range(1, len(runs.runs))
    matched = [runs.matching(0, run, "decoder", absolute=True).similarity for run in others]
    return [mean_reading("mean absolute cosine to the truth", matched)]


def _shared_by_both(
    decoder: Matching, encoder: Matching, threshold: float
) -> Bool[np.ndarray, " n_pairs"]:
    """Of each pair of the decoder, whether the encoder names it too and both exceed a threshold."""
    by_encoder = np.full(decoder.n_a, -np.inf)
    by_encoder[encoder.a] = encoder.similarity
    same = same_partner(decoder, encoder)[decoder.a]
    return np.asarray(same & (decoder.similarity > threshold) & (by_encoder[decoder.a] > threshold))
