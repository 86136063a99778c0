"""What a sample of matched pairs does to a language model's next tokens."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from universality.errors import InvalidInputError
from universality.investigation.causal_effects import check_writes, hooked_model
from universality.investigation.corpus import corpus_of
from universality.investigation.effect_agreement import agreement_summary, effect_agreement
from universality.investigation.model_fit import fitted_model
from universality.investigation.subjects import CodedOver
from universality.models.language_model import LanguageModel, load_language_model
from universality.runs.matched import MatchedPair
from universality.runs.policy import Policy
from universality.runs.views import ACTIVATIONS


def effects_of_pairs(
    pair: MatchedPair,
    pairs: pd.DataFrame,
    model: LanguageModel | str | Path,
    policy: Policy,
    *,
    n: int,
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """The table `effects` of a comparison, and what the summary says of it.

    The sample is of the pairs by the first view that is not of activations, where there is one:
    contexts are chosen by activations already.

    Raises:
        InvalidInputError: there are no activations, or not of one cache for both runs; the model is
            not the one of the cache.
        MissingFileError, FormatError: as `load_language_model`.
        UnsupportedError: a run writes elsewhere than it reads.
    """
    a, b = _coded(pair)
    assert pair.a.recorded is not None
    for part in pair.runs.parts:
        check_writes(part.dictionary)
    if not isinstance(model, LanguageModel):
        model = load_language_model(model)
    corpus = corpus_of(pair.a.recorded.cache)
    at = hooked_model(model, corpus.cache.meta.hook_name)
    fit = fitted_model(at, corpus)
    view = next((one for one in pair.matches if one != ACTIVATIONS), ACTIVATIONS)
    own = pairs.loc[pairs["view"] == view, ["a", "b", "similarity"]]
    table = effect_agreement(own, a, b, at, corpus, n=n, seed=policy.seed, progress=True)
    return table, {"model": fit["name"], "view": view, **agreement_summary(table)}


def _coded(pair: MatchedPair) -> tuple[CodedOver, CodedOver]:
    a, b = (part.recorded for part in pair.runs.parts)
    if a is None or b is None:
        raise InvalidInputError("--effects needs --activations: contexts are chosen on them")
    whole = all(np.array_equal(one.rows, np.arange(len(one.cache))) for one in (a, b))
    if a.cache.meta.sha256 != b.cache.meta.sha256 or not whole:
        raise InvalidInputError(
            "--effects needs both runs on one cache: effects are compared at one hook of one model"
        )
    return (
        CodedOver(pair.a.name, pair.a.dictionary, a.codes),
        CodedOver(pair.b.name, pair.b.dictionary, b.codes),
    )
