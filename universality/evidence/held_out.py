"""Pairs found on one half of the documents, judged on the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass
from dataclasses import fields as fields_of
from typing import Any, final

import numpy as np
import pandas as pd
import torch
from jaxtyping import Bool, Float64, Int, Int64

from universality.codes import Codes, take_latents, take_tokens
from universality.errors import InvalidInputError
from universality.evidence.document_interval import (
    FEWEST_DOCUMENTS,
    DocumentInterval,
    mean_correlation,
    pair_sums,
)
from universality.matching import assign, find_candidates
from universality.similarity.code_similarity import CodeSimilarity
from universality.similarity.measures import Measure


@final
@dataclass(frozen=True, eq=False)
class Fold:
    """One half fitted, the other held out."""

    n_tokens_fit: int
    """Tokens on which latents were found alive and pairs were found."""
    n_tokens_held_out: int
    """Tokens on which the pairs were judged."""
    a: Int64[np.ndarray, " n_pairs"]
    """Latents of a, in their own numbers."""
    b: Int64[np.ndarray, " n_pairs"]
    """Partner of each in b."""
    fit: Float64[np.ndarray, " n_pairs"]
    """Similarity on the half that the pair was found on."""
    held_out: Float64[np.ndarray, " n_pairs"]
    """Similarity on the other half; NaN where a latent of the pair is silent there."""
    n_documents_held_out: int
    """Documents that these tokens come from."""
    interval: DocumentInterval | None
    """The mean held-out correlation of the pairs heard, with an interval over documents; None for
    other measures than signed Pearson correlation, with fewer than 20 documents, or with no pair
    heard."""

    @property
    def silent(self) -> Bool[np.ndarray, " n_pairs"]:
        """Whether a latent of the pair never fires, or never changes, on the held-out half."""
        return np.asarray(np.isnan(self.held_out))


@final
@dataclass(frozen=True, eq=False)
class FittedPairs:
    """The best one-to-one assignment on some tokens of the latents that fire there."""

    a: Int64[np.ndarray, " n_pairs"]
    """Latents of a, in their own numbers."""
    b: Int64[np.ndarray, " n_pairs"]
    """Partner of each in b."""
    similarity: Float64[np.ndarray, " n_pairs"]
    """On these tokens."""
    alive: tuple[Int64[np.ndarray, " n_a"], Int64[np.ndarray, " n_b"]]
    """Latents of a and of b that took part."""
    absolute: bool
    """Whether the sign was dropped."""


def arrays_of_folds(folds: tuple[Fold, Fold]) -> dict[str, np.ndarray]:
    """Both halves as arrays that can be kept."""
    found: dict[str, np.ndarray] = {}
    for number, fold in enumerate(folds):
        fields = {field.name: getattr(fold, field.name) for field in fields_of(Fold)}
        interval = fields.pop("interval")
        found |= {f"{number} {name}": np.asarray(value) for name, value in fields.items()}
        if interval is not None:
            found[f"{number} interval"] = np.array(astuple(interval), dtype=np.float64)
    return found


def folds_from(arrays: Mapping[str, np.ndarray]) -> tuple[Fold, Fold]:
    """The halves that were kept so."""
    first, second = (_fold_from(arrays, number) for number in range(2))
    return first, second


def _fold_from(arrays: Mapping[str, np.ndarray], number: int) -> Fold:
    found: dict[str, Any] = {}
    for field in fields_of(Fold):
        value = arrays.get(f"{number} {field.name}")
        found[field.name] = value.item() if value is not None and not value.ndim else value
    if found["interval"] is not None:
        estimate, raw, low, high, n_documents = found["interval"].tolist()
        found["interval"] = DocumentInterval(estimate, raw, low, high, int(n_documents))
    return Fold(**found)


def cross_fit(
    a: Codes,
    b: Codes,
    documents: Int[np.ndarray, " n_tokens"],
    *,
    measure: Measure = "pearson",
    absolute: bool | None = None,
    min_firing: int = 10,
    seed: int = 0,
) -> tuple[Fold, Fold]:
    """The best assignment on one half of the documents, judged on the other, and the other way.

    Costs two comparisons of half the tokens.

    Args:
        a: Codes of all latents of the first run.
        b: Codes of the second run on the same tokens.
        documents: Document of each token; a document is never split.
        measure: What "fire together" means.
        absolute: Drop the sign; None decides as `CodeSimilarity.between`.
        min_firing: Tokens of the fitted half that a latent must fire on to take part (half of
            what is asked of all tokens, rounded up).
        seed: Of the split.

    Raises:
        InvalidInputError: there is only one document, or no latent fires often enough in a half.
    """
    first = split_documents(documents, seed=seed)
    least = -(-min_firing // 2)
    return (
        _fold(
            a, b, first, documents=documents, measure=measure, absolute=absolute, min_firing=least
        ),
        _fold(
            a, b, ~first, documents=documents, measure=measure, absolute=absolute, min_firing=least
        ),
    )


def split_documents(
    documents: Int[np.ndarray, " n_tokens"], *, seed: int
) -> Bool[np.ndarray, " n_tokens"]:
    """Which tokens belong to the first half: whole documents, about half of the tokens.

    Raises:
        InvalidInputError: there is only one document.
    """
    names, own, sizes = np.unique(documents, return_inverse=True, return_counts=True)
    if names.size < 2:
        raise InvalidInputError(
            "holding out half of the documents needs at least two, the cache has one; collect "
            "more, or pass --no-held-out"
        )
    order = torch.randperm(names.size, generator=torch.Generator().manual_seed(seed)).numpy()
    before = np.cumsum(sizes[order]) - sizes[order]
    first = np.zeros(names.size, dtype=bool)
    first[order] = before < documents.size / 2
    if first.all():
        first[order[-1]] = False
    return np.asarray(first[own])


def fit_pairs(
    a: Codes, b: Codes, *, measure: Measure, absolute: bool | None, min_firing: int
) -> FittedPairs | None:
    """The latents that fire on `min_firing` of these tokens, assigned one to one; None if none do.

    `absolute` as in `cross_fit`.
    """
    alive = [np.flatnonzero((codes.count >= min_firing) & codes.varies) for codes in (a, b)]
    if not all(latents.size for latents in alive):
        return None
    alike = _similarity([a, b], alive, measure, absolute)
    found = assign(alike, candidates=find_candidates(alike))
    return FittedPairs(
        alive[0][found.a],
        alive[1][found.b],
        found.similarity,
        alive=(alive[0], alive[1]),
        absolute=alike.absolute,
    )


def pair_rows(folds: tuple[Fold, Fold]) -> pd.DataFrame:
    """One row per fold and pair."""
    return pd.concat(
        [
            pd.DataFrame(
                {
                    "fold": number,
                    "a": fold.a,
                    "b": fold.b,
                    "similarity_fit": fold.fit,
                    "similarity_held_out": fold.held_out,
                }
            )
            for number, fold in enumerate(folds)
        ],
        ignore_index=True,
    )


def _fold(
    a: Codes,
    b: Codes,
    fit: Bool[np.ndarray, " n_tokens"],
    *,
    documents: Int[np.ndarray, " n_tokens"],
    measure: Measure,
    absolute: bool | None,
    min_firing: int,
) -> Fold:
    seen = [take_tokens(codes, fit) for codes in (a, b)]
    fitted = fit_pairs(*seen, measure=measure, absolute=absolute, min_firing=min_firing)
    if fitted is None:
        raise InvalidInputError(
            f"in half of the documents no latent fires on {min_firing} tokens; collect more "
            "tokens, lower --min-firing, or pass --no-held-out"
        )
    unseen = [take_tokens(codes, ~fit) for codes in (a, b)]
    judged = _similarity(unseen, fitted.alive, measure, absolute, screen=False)
    pairs = [fitted.a, fitted.b]
    at = [np.searchsorted(*one) for one in zip(fitted.alive, pairs, strict=True)]
    values = judged.at(torch.from_numpy(at[0]), torch.from_numpy(at[1])).numpy()
    speaks = unseen[0].varies[pairs[0]] & unseen[1].varies[pairs[1]]
    return Fold(
        n_tokens_fit=seen[0].n_tokens,
        n_tokens_held_out=unseen[0].n_tokens,
        n_documents_held_out=int(np.unique(documents[~fit]).size),
        a=pairs[0],
        b=pairs[1],
        fit=fitted.similarity,
        held_out=np.where(speaks, values, np.nan),
        interval=_interval(unseen, documents[~fit], [one[speaks] for one in pairs])
        if measure == "pearson" and not fitted.absolute
        else None,
    )


def _interval(
    codes: list[Codes], documents: Int[np.ndarray, " n_tokens"], pairs: list[np.ndarray]
) -> DocumentInterval | None:
    if not pairs[0].size or np.unique(documents).size < FEWEST_DOCUMENTS:
        return None
    sums = pair_sums(codes[0], codes[1], documents, pairs=(pairs[0], pairs[1]))
    return mean_correlation(sums)


def _similarity(
    codes: list[Codes],
    alive: Sequence[Int64[np.ndarray, " _"]],
    measure: Measure,
    absolute: bool | None,
    *,
    screen: bool = True,
) -> CodeSimilarity:
    a, b = (take_latents(side, latents) for side, latents in zip(codes, alive, strict=True))
    return CodeSimilarity.between(a, b, measure, absolute=absolute, screen=screen)
