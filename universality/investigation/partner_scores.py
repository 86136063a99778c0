"""How well a latent's firings are told by its counterpart: scores that need no explanation."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float64

from universality.investigation.corpus import Corpus
from universality.investigation.counterparts import dense
from universality.investigation.subjects import Subject


def detection(subject: Subject, other: Subject, corpus: Corpus) -> dict[str, float]:
    """`auroc` and `average_precision` of the counterpart's code, on the judged documents.

    What is to be detected is whether the latent fires on a token. NaN where it always or never
    does there.
    """
    judged = corpus.is_judged
    fires = dense(subject.trace, corpus.n_tokens)[judged] != 0
    score = dense(other.trace, corpus.n_tokens)[judged]
    return {"auroc": auroc(fires, score), "average_precision": average_precision(fires, score)}


def auroc(is_positive: Bool[np.ndarray, " n"], score: Float64[np.ndarray, " n"]) -> float:
    """The chance that a positive has a higher score than a negative, ties counted half."""
    n_positive = int(is_positive.sum())
    n_negative = is_positive.size - n_positive
    if not n_positive or not n_negative:
        return float("nan")
    _, places, counts = np.unique(score, return_inverse=True, return_counts=True)
    ranks = np.cumsum(counts) - (counts - 1) / 2
    total = ranks[places][is_positive].sum() - n_positive * (n_positive + 1) / 2
    return float(total / (n_positive * n_negative))


def average_precision(
    is_positive: Bool[np.ndarray, " n"], score: Float64[np.ndarray, " n"]
) -> float:
    """Precision averaged over the positives, tokens of one score taken together.

    By chance the base rate. The area under precision against recall by steps, as scikit-learn
    has it.
    """
    n_positive = int(is_positive.sum())
    if not n_positive:
        return float("nan")
    values, places = np.unique(-score, return_inverse=True)
    hits = np.bincount(places, weights=is_positive, minlength=values.size)
    all_ = np.bincount(places, minlength=values.size)
    precision = np.cumsum(hits) / np.cumsum(all_)
    return float((precision * hits).sum() / n_positive)
