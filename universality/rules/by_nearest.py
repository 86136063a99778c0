"""Rules on the most similar latent of the other run, which several latents may have in common."""

from __future__ import annotations

from itertools import permutations

import numpy as np
from jaxtyping import Float64

from universality.rules.compared_runs import ComparedRuns, RuleReading, mean_reading

FOUND = 0.7
"""Cosine from which a latent is found again in a run (Gerasimov et al.)."""
STABLE, UNSTABLE = 0.95, 0.05
"""Shares of the other runs from which a latent is stable, up to which it is unstable."""


def mcs2023(runs: ComparedRuns) -> list[RuleReading]:
    """MMCS: mean over latents of the largest signed cosine to a decoder row of the other run.

    Cunningham et al. (arXiv:2309.08600), equation of the mean max cosine similarity (after Sharkey
    et al.): 1/|D| sum over d in D of max over d' in D' of <d, d'>. It has a direction, and unequal
    widths make the two differ by chance alone: from an earlier run (a) to a later (b), and back.
    """
    there = [runs.nearest(i, j, "decoder") for i, j in runs.pairs]
    back = [runs.nearest(j, i, "decoder") for i, j in runs.pairs]
    return [
        mean_reading("mean largest cosine, a to b", there),
        mean_reading("mean largest cosine, b to a", back),
    ]


def husai2026(runs: ComparedRuns) -> list[RuleReading]:
    """PWMCC of HUSAI: mean over latents of the largest absolute cosine, mean of both directions.

    `compute_pwmcc` in src/analysis/feature_matching.py of brightlikethelight/HUSAI at 89117937:
    decoder rows, (mean over a of max |cos| + mean over b of max |cos|) / 2, mean over pairs of
    runs. It is no PW-MCC (`song2025`): nearest, not assigned, and without the sign.
    """
    both = [
        [runs.nearest(i, j, "decoder", absolute=True), runs.nearest(j, i, "decoder", absolute=True)]
        for i, j in runs.pairs
    ]
    value = float(np.mean([[float(one.mean()) for one in pair] for pair in both]))
    n = sum(one.size for pair in both for one in pair)
    return [RuleReading("mean largest absolute cosine", value, n)]


def gerasimov2026(runs: ComparedRuns) -> list[RuleReading]:
    """Stability of a latent: in which share of the other runs a decoder row has cosine .7 or more.

    Gerasimov et al. (arXiv:2606.12138) define the stability of a feature as the probability that a
    similar one reappears in an independently trained autoencoder. No code of theirs is to be had
    and their formula was read at second hand, from re-implementations by others: decoder rows, many
    may have one counterpart, similar from cosine .7, mean over the N - 1 other runs; stable from
    .95, unstable up to .05, the rest neither. With two runs every latent is the one or the other.
    """
    found = {
        (i, j): (runs.nearest(i, j, "decoder") >= FOUND)
        for i, j in permutations(range(len(runs.runs)), 2)
    }
    stability: list[Float64[np.ndarray, " n"]] = [
        np.mean([found[i, j] for j in range(len(runs.runs)) if j != i], axis=0)
        for i in range(len(runs.runs))
    ]
    return [
        mean_reading("mean stability", stability),
        mean_reading("stable share", [one >= STABLE for one in stability]),
        mean_reading("unstable share", [one <= UNSTABLE for one in stability]),
    ]
