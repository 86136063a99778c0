"""What is asked of a latent, and with what."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from universality.investigation.causal_effects import HookedModel
from universality.investigation.corpus import Corpus
from universality.investigation.matched_controls import ContextPlan
from universality.investigation.specificity import Scored
from universality.investigation.subjects import CodedOver, Subject
from universality.storage.kept import PairStore


@final
@dataclass(frozen=True, eq=False)
class Asked:
    """What is asked, and with what."""

    subject: Subject
    """The latent."""
    others: tuple[tuple[CodedOver, int | None], ...]
    """The other runs, each with the counterpart where it is known."""
    corpus: Corpus
    """Where latents are looked at."""
    scored: tuple[Scored, ...]
    """The proxies, each with the ratio of every token."""
    at: HookedModel | None
    """The model; None where there is none."""
    plan: ContextPlan
    """In which contexts effects are measured."""
    pin: float | None
    """The code at which the latent is held; its largest if None."""
    kept: PairStore | None
    """Where effects of controls are kept."""
    progress: bool
    """Whether bars are shown."""
