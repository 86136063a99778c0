"""How well a latent's firings are told by its counterpart: scores that need no explanation."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float64
from tqdm import tqdm

from universality.investigation.corpus import Corpus
from universality.investigation.counterparts import best_of, dense, other_codes
from universality.investigation.subjects import CodedOver, Subject


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


def detections(
    a: CodedOver, b: CodedOver, corpus: Corpus, latents: Sequence[int], *, progress: bool = False
) -> pd.DataFrame:
    """How well b's partners tell the firings of some latents of a, one row per latent.

    Columns: `a`, `b` (the partner: most alike on every other document; -1 for none), `frequency`,
    `correlation` (on the judged documents), and the scores of `detection`, all on these. The
    moments of b are found once; memory is that of one chunk of codes.
    """
    judged = corpus.is_judged
    choosing, judging = other_codes(b.codes, ~judged), other_codes(b.codes, judged)
    rows = []
    for latent in tqdm(latents, "detection", leave=False, disable=None if progress else True):
        values = dense(a.trace(latent), corpus.n_tokens)
        partner = best_of(choosing.correlations(values[~judged]))
        fires = values[judged] != 0
        row = {"a": latent, "b": partner, "frequency": float(a.codes.frequency[latent])}
        if partner >= 0:
            score = dense(b.trace(partner), corpus.n_tokens)[judged]
            row |= {
                "correlation": float(judging.correlations(values[judged])[partner]),
                "auroc": auroc(fires, score),
                "average_precision": average_precision(fires, score),
                "base_rate": float(fires.mean()),
            }
        rows.append(row)
    columns = ["a", "b", "frequency", "correlation", "auroc", "average_precision", "base_rate"]
    return pd.DataFrame(rows, columns=columns)
