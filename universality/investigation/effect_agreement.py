"""Do pairs that look the same do the same? Ablation similarity of a sample of matched pairs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Int64

from universality.compute.stages import counted
from universality.investigation.causal_effects import HookedModel
from universality.investigation.corpus import Corpus
from universality.investigation.matched_controls import ContextPlan
from universality.investigation.paired_effects import OwnContexts, own_contexts, pair_effects
from universality.investigation.subjects import CodedOver, matched_latents, subject_of

SIMILARITY_EDGES = (-1.0, 0.3, 0.5, 0.7, 0.9, 1.0)
"""Classes of similarity that the sample is drawn evenly from."""

SAMPLED = 40
"""Matched pairs whose effects are measured, where nobody says another number."""

_PLAN = ContextPlan(n_paired=4, length=64)
_LEAST_FIRINGS = 10


def stratified_pairs(
    pairs: pd.DataFrame, frequency: np.ndarray, *, n: int, seed: int
) -> pd.DataFrame:
    """Up to n pairs, evenly over classes of similarity and two halves of frequency.

    `pairs` has columns `a`, `b`, `similarity`; `frequency` is that of each latent of a. Columns
    `similarity_class` and `frequent` (above the median of the pairs) are added. Where a class has
    fewer than its part, the others get what is left.
    """
    known = pairs[pairs["similarity"].notna()].reset_index(drop=True)
    shares = frequency[known["a"].to_numpy(dtype=int)]
    known = known.assign(
        similarity_class=_class_of(known["similarity"].to_numpy()),
        frequent=shares > np.median(shares) if len(known) else [],
    )
    order = np.random.default_rng(seed).permutation(len(known))
    shuffled = known.iloc[order]
    turn = shuffled.groupby(["similarity_class", "frequent"]).cumcount()
    chosen = turn.sort_values(kind="stable").index[:n]
    return known.loc[np.sort(chosen)].reset_index(drop=True)


def effect_agreement(
    pairs: pd.DataFrame,
    a: CodedOver,
    b: CodedOver,
    at: HookedModel,
    corpus: Corpus,
    *,
    n: int,
    seed: int,
    progress: bool,
) -> pd.DataFrame:
    """Ablation similarity of sampled pairs, each with a random pair of equal frequency.

    One row per pair: `kind` (`matched` or `random`), `a`, `b`, `similarity`, `similarity_class`,
    `frequent`, `frequency_a`, `frequency_b`, `ablation`, `held_out`, `size_ratio`, `n_positions`. A
    random pair has the same latent of a and another of b that fires as often as the partner; its
    similarity is that of the pair it stands beside. Latents that fire on fewer than ten tokens take
    no part. About nine passes of the model over 4 contexts of 64 tokens a row.
    """
    fires = (pairs["a"].map(lambda k: a.codes.count[k]) >= _LEAST_FIRINGS) & (
        pairs["b"].map(lambda k: b.codes.count[k]) >= _LEAST_FIRINGS
    )
    sample = stratified_pairs(pairs[fires], a.codes.frequency, n=n, seed=seed)
    rows: list[dict[str, Any]] = []
    for row in counted(_records(sample), "effects of pairs", progress=progress):
        own = own_contexts(at, subject_of(a, int(row["a"])), corpus, _PLAN)
        others = matched_latents(
            b,
            float(b.codes.frequency[int(row["b"])]),
            norm=None,
            n=1,
            without=int(row["b"]),
            seed=seed + len(rows),
        )
        for kind, latent in (("matched", int(row["b"])), *(("random", k) for k in others)):
            theirs = own_contexts(at, subject_of(b, latent), corpus, _PLAN)
            rows.append({"kind": kind, **row, "b": latent, **_measured(at, own, theirs)})
    columns = [
        *("kind", "a", "b", "similarity", "similarity_class", "frequent"),
        *("frequency_a", "frequency_b", "ablation", "held_out", "size_ratio", "n_positions"),
    ]
    return pd.DataFrame(rows, columns=columns)


def agreement_summary(table: pd.DataFrame) -> dict[str, Any]:
    """Mean ablation similarity of matched and random pairs, over all and by similarity.

    Pairs of which one latent does nothing have none, and are counted. `rank_correlation` is
    Spearman's, of similarity with ablation similarity over matched pairs; null where undefined.
    """
    matched, random = (table[table["kind"] == kind] for kind in ("matched", "random"))
    return {
        "n_pairs": len(matched),
        "n_inert": int(matched["ablation"].isna().sum()),
        "matched_mean": _mean(matched["ablation"]),
        "matched_held_out_mean": _mean(matched["held_out"]),
        "random_mean": _mean(random["ablation"]),
        "rank_correlation": _spearman(matched),
        "by_similarity": [
            {
                "low": SIMILARITY_EDGES[number],
                "high": SIMILARITY_EDGES[number + 1],
                "n_pairs": int((matched["similarity_class"] == number).sum()),
                "matched_mean": _mean(
                    matched.loc[matched["similarity_class"] == number, "ablation"]
                ),
                "random_mean": _mean(random.loc[random["similarity_class"] == number, "ablation"]),
            }
            for number in range(len(SIMILARITY_EDGES) - 1)
        ],
    }


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(name): value for name, value in row.items()} for row in table.to_dict("records")]


def _measured(at: HookedModel, own: OwnContexts, theirs: OwnContexts) -> dict[str, Any]:
    found = pair_effects(at, own, theirs)
    return {
        "frequency_a": own.subject.about["frequency"],
        "frequency_b": theirs.subject.about["frequency"],
        "ablation": found.similarity,
        "held_out": found.held_out,
        "size_ratio": found.size_ratio,
        "n_positions": found.own.size,
    }


def _class_of(similarity: np.ndarray) -> Int64[np.ndarray, " n"]:
    inner: Sequence[float] = SIMILARITY_EDGES[1:-1]
    return np.searchsorted(inner, similarity, side="right").astype(np.int64)


def _mean(values: pd.Series) -> float | None:
    return float(values.mean()) if values.notna().any() else None


def _spearman(matched: pd.DataFrame) -> float | None:
    both = matched[["similarity", "ablation"]].dropna()
    if len(both) < 3 or both.nunique().min() < 2:
        return None
    return float(both["similarity"].rank().corr(both["ablation"].rank()))
