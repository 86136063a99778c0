"""Which activations each run reads, and the tokens that all runs have in common."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

import numpy as np
from jaxtyping import Int64

from universality.activations.alignment import align
from universality.activations.cache import ActivationCache
from universality.dictionary import Dictionary
from universality.errors import InvalidInputError
from universality.naming import same_model, same_place


def cache_for(dictionary: Dictionary, caches: Sequence[ActivationCache]) -> ActivationCache:
    """The cache that a run reads: of its width, and of its hook and model where one is.

    Raises:
        InvalidInputError: none has its width.
    """
    fitting = [cache for cache in caches if cache.meta.d_in == dictionary.d_in]
    key = dictionary.key
    fitting.sort(
        key=lambda one: (
            same_place(one.meta.hook_name, key.hook_name) is not True,
            same_model(one.meta.model_name, key.model_name) is False,
        )
    )
    if not fitting:
        raise InvalidInputError(
            f"{dictionary.source.name} reads d_in={dictionary.d_in}, but --activations has "
            f"{', '.join(str(cache.meta.d_in) for cache in caches)}; add a cache of the same texts "
            "for its model and hook"
        )
    return fitting[0]


def common_rows(caches: Sequence[ActivationCache]) -> list[Int64[np.ndarray, " n_tokens"]]:
    """For each cache, its rows that are tokens which all caches hold, in one order.

    Raises:
        InvalidInputError: they are not of the same texts and tokenizer, or have few rows in common.
    """
    first = caches[0]
    everything = np.arange(len(first))
    pairs = [
        (everything, everything)
        if cache.meta.sha256 == first.meta.sha256
        else _by_first(*align(first, cache))
        for cache in caches
    ]
    common = reduce(np.intersect1d, [of_first for of_first, _ in pairs])
    return [own[np.searchsorted(of_first, common)] for of_first, own in pairs]


def _by_first(
    of_first: Int64[np.ndarray, " n"], own: Int64[np.ndarray, " n"]
) -> tuple[Int64[np.ndarray, " n"], Int64[np.ndarray, " n"]]:
    order = np.argsort(of_first)
    return of_first[order], own[order]
