"""Do two latents do the same? Their effects on the next tokens of the same contexts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np
import torch
from jaxtyping import Bool, Float64
from tqdm import tqdm

from universality.investigation.causal_effects import (
    CleanRuns,
    Effects,
    HookedModel,
    ablate,
    run_clean,
)
from universality.investigation.context_windows import windows_around
from universality.investigation.corpus import Corpus
from universality.investigation.likeness import Likeness, pearson
from universality.investigation.matched_controls import ContextPlan
from universality.investigation.subjects import Subject, matched_latents, subject_of


@final
@dataclass(frozen=True, eq=False)
class PairEffects:
    """The effects of two latents on every next token that either can change."""

    own: Float64[np.ndarray, " n_positions"]
    """Of the first latent: untouched less without it, in log-probability."""
    theirs: Float64[np.ndarray, " n_positions"]
    """Of the second."""
    judged: Bool[np.ndarray, " n_positions"]
    """Positions in documents that the second was not chosen on."""

    @property
    def similarity(self) -> float:
        """Pearson's correlation; NaN where one does nothing at all."""
        return pearson(self.own, self.theirs)

    @property
    def size_ratio(self) -> float:
        """Mean absolute effect of the second over that of the first; NaN where that is 0.

        Effects of a latent that hardly does anything can correlate with those of one that does.
        """
        own = float(np.abs(self.own).mean()) if self.own.size else 0.0
        return float(np.abs(self.theirs).mean()) / own if own > 0 else float("nan")

    @property
    def held_out(self) -> float:
        """The same on the judged documents."""
        return pearson(self.own[self.judged], self.theirs[self.judged])


@final
@dataclass(frozen=True, eq=False)
class OwnContexts:
    """Contexts around the firings of one latent, with its effect in them."""

    subject: Subject
    """The latent."""
    clean: CleanRuns
    """What the untouched model does there."""
    effects: Effects
    """What the latent does."""


def own_contexts(
    at: HookedModel, subject: Subject, corpus: Corpus, plan: ContextPlan
) -> OwnContexts:
    """A latent in contexts of its own, as many as a side of a pair has."""
    windows = windows_around(corpus, subject.trace, n=plan.n_paired, length=plan.length)
    clean = run_clean(at, windows)
    return OwnContexts(subject, clean, ablate(at, clean, subject.over.run, subject.latent))


def pair_effects(at: HookedModel, one: OwnContexts, other: OwnContexts) -> PairEffects:
    """Both latents in the contexts of both, chosen from the firings of either."""
    sides = (
        (one.clean, one.effects, _ablated(at, one.clean, other.subject)),
        (other.clean, _ablated(at, other.clean, one.subject), other.effects),
    )
    own, theirs, judged = [], [], []
    for clean, first, second in sides:
        counted = (first.reached | second.reached) & clean.scored
        own.append(first.total[counted].double())
        theirs.append(second.total[counted].double())
        at_judged = torch.from_numpy(clean.windows.judged)[:, None].expand_as(counted)
        judged.append(at_judged[counted])
    return PairEffects(*(torch.cat(some).numpy() for some in (own, theirs, judged)))


def ablation_likeness(
    at: HookedModel,
    one: OwnContexts,
    other: OwnContexts,
    corpus: Corpus,
    plan: ContextPlan,
    *,
    progress: bool,
) -> tuple[Likeness, PairEffects]:
    """Correlation of what two latents do, held against random latents of the other run.

    These fire as often as the partner, and are measured as it is: in contexts of their own and in
    those of the first latent.
    """
    found = pair_effects(at, one, other)
    frequency = other.subject.about["frequency"]
    latents = matched_latents(
        other.subject.over,
        frequency,
        norm=None,
        n=plan.n_random_pairs,
        without=other.subject.latent,
        seed=plan.seed,
    )
    bar = tqdm(latents, "random pairs", leave=False, disable=None if progress else True)
    null = [
        pair_effects(
            at, one, own_contexts(at, subject_of(other.subject.over, latent), corpus, plan)
        ).similarity
        for latent in bar
    ]
    return (
        Likeness(
            "ablation",
            found.similarity,
            found.held_out,
            tuple(null),
            "random latents of equal frequency",
            found.own.size,
            found.size_ratio,
        ),
        found,
    )


def _ablated(at: HookedModel, clean: CleanRuns, subject: Subject) -> Effects:
    return ablate(at, clean, subject.over.run, subject.latent)
