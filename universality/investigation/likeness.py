"""Is it the same latent in another run? Four measures of a pair, each beside what chance gives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, final

import numpy as np
from jaxtyping import Float, Float64
from torch import Tensor

from universality.investigation.corpus import Corpus
from universality.investigation.counterparts import (
    N_SHIFTS,
    best_of,
    dense,
    other_codes,
    shifted_greatest,
)
from universality.investigation.subjects import CodedOver, Subject, matched_latents, subject_of

N_RANDOM = 100
"""Random latents of the other run that logit weights and attribution are held against."""


@final
@dataclass(frozen=True)
class Likeness:
    """One measure of a pair."""

    measure: str
    """`activation`, `logit_weights`, `attribution` or `ablation`."""
    value: float
    """Pearson's correlation; NaN where one side never changes."""
    held_out: float
    """The same on the documents that the partner was not chosen on; NaN where nothing fires."""
    null: tuple[float, ...]
    """What chance gives: draws, or random latents of the other run that fire as often."""
    null_name: str
    """Which of the two."""
    n: int
    """Tokens, vocabulary entries or positions that it is over."""
    size_ratio: float = np.nan
    """How large what the partner does is, against the first: a correlation is blind to it."""

    @property
    def about(self) -> dict[str, Any]:
        """As a row of the table."""
        known = np.array([one for one in self.null if np.isfinite(one)])
        above = int((known >= self.value).sum()) if np.isfinite(self.value) else known.size
        return {
            "measure": self.measure,
            "value": self.value,
            "held_out": self.held_out,
            "null_mean": float(known.mean()) if known.size else np.nan,
            "null_sd": float(known.std()) if known.size else np.nan,
            "null_largest": float(known.max()) if known.size else np.nan,
            "null": self.null_name,
            "n_null": int(known.size),
            "p_value": (1 + above) / (1 + known.size),
            "n": self.n,
            "size_ratio": self.size_ratio,
        }


def counterpart_of(subject: Subject, other: CodedOver, corpus: Corpus) -> Subject | None:
    """The latent of another run that fires most alike on the documents for choosing.

    Where the subject is silent on them, on all documents; None where no latent can be told.
    """
    values = dense(subject.trace, corpus.n_tokens)
    for keep in (~corpus.is_judged, np.ones(corpus.n_tokens, dtype=bool)):
        if values[keep].any():
            latent = best_of(other_codes(other.codes, keep).correlations(values[keep]))
            if latent >= 0:
                return subject_of(other, latent)
    return None


def activation_likeness(subject: Subject, other: Subject, corpus: Corpus, *, seed: int) -> Likeness:
    """Pearson's correlation over all tokens, held against the best of all latents when shifted."""
    values, theirs = (dense(one.trace, corpus.n_tokens) for one in (subject, other))
    judged = corpus.is_judged
    null = shifted_greatest(values, other_codes(other.over.codes), draws=N_SHIFTS, seed=seed)
    return Likeness(
        "activation",
        pearson(values, theirs),
        pearson(values[judged], theirs[judged]),
        tuple(null.tolist()),
        "best of all latents, shifted",
        values.size,
    )


def logit_likeness(
    subject: Subject, other: Subject, rows: Float[Tensor, "n_vocabulary d"], *, seed: int
) -> Likeness:
    """Pearson's correlation of logit weights over the vocabulary.

    Nothing is chosen by it, so it needs no held-out part. Two latents can differ here and be the
    same: the weights also answer to what else the run's other latents write.
    """
    own = logit_weights_of(subject, rows)
    latents = _random_of(other, subject, seed)
    null = [pearson(own, logit_weights_of(subject_of(other.over, k), rows)) for k in latents]
    value = pearson(own, logit_weights_of(other, rows))
    return Likeness("logit_weights", value, np.nan, tuple(null), _RANDOM, len(rows))


def attribution_likeness(
    subject: Subject,
    other: Subject,
    rows: Float[Tensor, "n_vocabulary d"],
    corpus: Corpus,
    *,
    seed: int,
) -> Likeness:
    """Pearson's correlation of f(t) times the logit weight of the token that follows."""
    own, theirs = (attributions(one, rows, corpus) for one in (subject, other))
    latents = _random_of(other, subject, seed)
    null = [pearson(own, attributions(subject_of(other.over, k), rows, corpus)) for k in latents]
    judged = corpus.is_judged
    return Likeness(
        "attribution",
        pearson(own, theirs),
        pearson(own[judged], theirs[judged]),
        tuple(null),
        _RANDOM,
        own.size,
    )


def attributions(
    subject: Subject, rows: Float[Tensor, "n_vocabulary d"], corpus: Corpus
) -> Float64[np.ndarray, " n_tokens"]:
    """On every token, the code times the logit weight of the token that follows; else 0."""
    weights = logit_weights_of(subject, rows)
    following = corpus.next_token[subject.trace.tokens]
    known = (following >= 0) & (following < weights.size)
    found = np.zeros(corpus.n_tokens)
    at = subject.trace.tokens[known]
    found[at] = subject.trace.values[known] * weights[following[known]]
    return found


def logit_weights_of(
    subject: Subject, rows: Float[Tensor, "n_vocabulary d"]
) -> Float64[np.ndarray, " n_vocabulary"]:
    """Weights over the vocabulary, moved so that their median is 0."""
    direction = subject.over.run.directions("decoder")[subject.latent].float()
    weights = (rows @ direction.to(rows)).double()
    return np.asarray((weights - weights.median()).cpu().numpy())


def pearson(one: Float64[np.ndarray, " n"], other: Float64[np.ndarray, " n"]) -> float:
    """Pearson's correlation; NaN where one side never changes, or nothing is there."""
    if one.size < 2:
        return float("nan")
    a, b = one - one.mean(), other - other.mean()
    norm = np.sqrt((a**2).sum() * (b**2).sum())
    return float((a * b).sum() / norm) if norm > 0 else float("nan")


_RANDOM = "random latents of equal frequency"


def _random_of(other: Subject, subject: Subject, seed: int) -> Sequence[int]:
    frequency = subject.trace.tokens.size / subject.over.codes.n_tokens
    return matched_latents(
        other.over, frequency, norm=None, n=N_RANDOM, without=other.latent, seed=seed
    )
