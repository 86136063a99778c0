"""A rule on reconstruction: does a latent of the wider run add what the narrower lacks?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import torch

from universality.dictionary import Dictionary
from universality.evidence.stitching import stitching_gain
from universality.nulls.rotation import haar
from universality.rules.compared_runs import ComparedRuns, RuleReading, mean_reading
from universality.runs.part import RunPart


def leask2025(runs: ComparedRuns) -> list[RuleReading]:
    """Share of the wider run's latents that lower the narrower run's error when added alone.

    Leask et al. (arXiv:2502.04878), stitching: a latent of the larger autoencoder is novel when
    adding it to the smaller one lowers the reconstruction error, and a refinement of what is there
    when it does not. No share of shared latents is stated; of every two runs of different width.
    Latents that never fire count as refinements. Their code was not run beside ours.
    """
    return _novel(runs, None)


def leask2025_by_chance(runs: ComparedRuns, generator: torch.Generator) -> list[RuleReading]:
    """The same of wider runs whose decoder rows are turned by a random rotation, codes as they are.

    What latents add that fire as these do and write what has nothing to do with it.
    """
    return _novel(runs, generator)


def _novel(runs: ComparedRuns, generator: torch.Generator | None) -> list[RuleReading]:
    found = []
    for narrow, wide in _two_widths(runs):
        assert narrow.recorded is not None
        larger = wide.dictionary if generator is None else _turned(wide.dictionary, generator)
        gain = stitching_gain(narrow.dictionary, larger, narrow.recorded.cache).gain
        found.append(np.asarray(gain[wide.numbers] < 0))
    return [mean_reading("novel latents of the wider run", found)]


def _two_widths(runs: ComparedRuns) -> Iterator[tuple[RunPart, RunPart]]:
    for i, j in runs.pairs:
        narrow, wide = sorted(
            (runs.parts[i], runs.parts[j]), key=lambda part: part.dictionary.d_sae
        )
        if narrow.dictionary.d_sae < wide.dictionary.d_sae:
            yield narrow, wide


def _turned(run: Dictionary, generator: torch.Generator) -> Dictionary:
    """The run writing elsewhere: every decoder row turned by one rotation."""
    turn = haar(run.d_out, generator=generator).to(run.W_dec)
    return replace(run, W_dec=run.W_dec @ turn)
