"""What is known of the latents of several runs, run after run, whatever they are matched with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
from jaxtyping import Bool, Float64, UInt64

from universality.compute.norms import row_norms
from universality.dictionary import Dictionary
from universality.recurrence.families.soft_families import content_of
from universality.runs.part import RunPart


@final
@dataclass(frozen=True, eq=False)
class Members:
    """The latents of runs, stacked run after run."""

    content: UInt64[np.ndarray, " n_latents"]
    """A hash of what each is, for ties; 0 where nobody knows."""
    decoder_norm: Float64[np.ndarray, " n_latents"]
    """Norm of its decoder row; NaN where there is none."""
    frequency: Float64[np.ndarray, " n_latents"]
    """How often it fires on the activations given, else on the checkpoint's own; NaN if unknown."""
    rare: Bool[np.ndarray, " n_latents"]
    """Whether it fires, but too rarely to take part."""


def members_of(parts: Sequence[RunPart]) -> Members:
    """The latents of these runs."""
    return Members(
        content=np.concatenate([_content(part.dictionary) for part in parts]),
        decoder_norm=np.concatenate([_norms(part.dictionary) for part in parts]),
        frequency=np.concatenate([_frequency(part) for part in parts]),
        rare=np.concatenate([part.alive.rare.cpu().numpy() for part in parts]),
    )


def _content(run: Dictionary) -> UInt64[np.ndarray, " d_sae"]:
    if not run.views:
        return np.zeros(run.d_sae, dtype=np.uint64)
    return content_of(*(run.directions(view).float().cpu().numpy() for view in run.views))


def _norms(run: Dictionary) -> np.ndarray:
    if not run.views:
        return np.full(run.d_sae, np.nan)
    return np.asarray(row_norms(run.W_dec).cpu().numpy())


def _frequency(run: RunPart) -> np.ndarray:
    if run.codes is not None:
        return run.column(run.codes.frequency)
    if run.dictionary.firing is not None:
        return run.dictionary.firing.frequency.double().cpu().numpy()
    return np.full(run.dictionary.d_sae, np.nan)
