"""Is it universal? Each measure of the latent with its counterpart in each other run."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from jaxtyping import Float
from torch import Tensor

from universality.investigation.asked import Asked
from universality.investigation.corpus import Corpus
from universality.investigation.latent_tables import Shown, labelled
from universality.investigation.likeness import (
    Likeness,
    activation_likeness,
    attribution_likeness,
    attributions,
    logit_likeness,
)
from universality.investigation.paired_effects import ablation_likeness, own_contexts
from universality.investigation.partner_scores import detection
from universality.investigation.subjects import Subject
from universality.investigation.vocabulary_rows import vocabulary_rows

_PAIR_TOKENS = 500


def pair_question(asked: Asked, partners: Sequence[Subject]) -> dict[str, pd.DataFrame]:
    """Every measure of every pair, with the scatters behind them.

    Tables `similarities`, `pair_tokens` and, with a model, `pair_effects`.
    """
    plan, corpus, subject = asked.plan, asked.corpus, asked.subject
    to_logits = None if asked.at is None else vocabulary_rows(asked.at, subject.over.run.d_out)
    own = None if asked.at is None else own_contexts(asked.at, subject, corpus, plan)
    measured, tokens, effects = [], [], []
    for other in partners:
        at, rows = (asked.at, to_logits) if other.over.reads == "here" else (None, None)
        found: list[Likeness] = [activation_likeness(subject, other, corpus, seed=plan.seed)]
        if rows is not None:
            found.append(logit_likeness(subject, other, rows, seed=plan.seed))
            found.append(attribution_likeness(subject, other, rows, corpus, seed=plan.seed))
        if at is not None and own is not None and other.kind != "dead":
            theirs = own_contexts(at, other, corpus, plan)
            likeness, pair = ablation_likeness(
                at, own, theirs, corpus, plan, progress=asked.progress
            )
            found.append(likeness)
            effects.append(
                labelled(
                    Shown(other.over.name, other.latent, other.trace),
                    pd.DataFrame(
                        {"total": pair.own, "total_partner": pair.theirs, "held_out": pair.judged}
                    ),
                )
            )
        shown = Shown(other.over.name, other.latent, other.trace)
        table = pd.DataFrame([one.about for one in found])
        measured.append(labelled(shown, table.assign(**detection(subject, other, corpus))))
        tokens.append(labelled(shown, _pair_tokens(subject, other, rows, corpus)))
    tables = {"similarities": measured, "pair_tokens": tokens, "pair_effects": effects}
    return {name: pd.concat(some, ignore_index=True) for name, some in tables.items() if some}


def _pair_tokens(
    subject: Subject,
    other: Subject,
    rows: Float[Tensor, "n_vocabulary d"] | None,
    corpus: Corpus,
) -> pd.DataFrame:
    either = np.union1d(subject.trace.tokens, other.trace.tokens)
    some = either[np.linspace(0, either.size - 1, min(_PAIR_TOKENS, either.size)).astype(int)]
    table = pd.DataFrame(
        {"row": some, "code": subject.trace.at(some), "code_partner": other.trace.at(some)}
    )
    if rows is None:
        return table
    both = (attributions(one, rows, corpus)[some] for one in (subject, other))
    return table.assign(**dict(zip(("attribution", "attribution_partner"), both, strict=True)))
