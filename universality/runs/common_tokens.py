"""Which activations each run reads, and what runs do on the tokens that all have in common."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from pathlib import Path
from typing import TypeAlias

import numpy as np
import torch
from jaxtyping import Int64

from universality.activations.alignment import align
from universality.activations.cache import CACHE, ActivationCache
from universality.activations.formats.detection import open_activations
from universality.activations.token_table import TokenTable, read_table
from universality.codes import rearrange_tokens
from universality.dictionary import Dictionary
from universality.encoding.delphi import CodedRun
from universality.encoding.streaming import codes_key, encode
from universality.errors import InvalidInputError
from universality.loading import weights_hash
from universality.naming import same_model, same_place
from universality.runs.part import Recorded
from universality.validation import Several

Activations: TypeAlias = "ActivationCache | str | Path | Sequence[ActivationCache | str | Path]"
"""Caches of activations, opened or the folders they lie in; one alone counts as a list of one."""

CACHES = Several(CACHE, least=0)
"""What public functions take for the activations of several runs."""


def open_caches(activations: Activations, *, rows: str = "screened") -> list[ActivationCache]:
    """The caches, opened with these rows; those that are open stay as they are.

    Raises:
        MissingFileError, FormatError: as `open_activations`.
    """
    given = [activations] if isinstance(activations, ActivationCache | str | Path) else activations
    return [
        one if isinstance(one, ActivationCache) else open_activations(one, rows=rows)
        for one in given
    ]


def caches_of_two(activations: Activations, *, rows: str = "screened") -> list[ActivationCache]:
    """The caches of a and of b, opened with these rows.

    Raises:
        InvalidInputError: neither one cache for both nor two.
        MissingFileError, FormatError: as `open_activations`.
    """
    opened = open_caches(activations, rows=rows)
    if len(opened) not in (1, 2):
        raise InvalidInputError(
            "--activations takes one folder for both runs, or two: that of a, then that of b; "
            f"got {len(opened)}"
        )
    return [opened[0], opened[-1]]


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
        InvalidInputError: they are not of the same texts, or have few rows in common; as `align`.
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


def encode_runs(
    runs: Sequence[Dictionary],
    caches: Sequence[ActivationCache],
    *,
    device: torch.device | str = "cpu",
    folder: Path | None = None,
    progress: bool = True,
) -> tuple[list[Recorded], TokenTable]:
    """The runs encoded, each over its cache, on the tokens that all caches hold.

    `folder` keeps the codes, so that a second call need not encode again; None keeps them in
    memory.

    Raises:
        InvalidInputError: the caches are not of the same texts, or not of the runs' width.
        OutputError: the folder cannot be written.
    """
    rows = common_rows(caches)
    recorded = []
    for run, cache, at in zip(runs, caches, rows, strict=True):
        key = codes_key(run, cache, device).digest
        where = None if folder is None else folder / f"codes-{key}"
        codes = encode(run, cache, folder=where, device=device, progress=progress)
        whole = np.array_equal(at, np.arange(codes.n_tokens))
        recorded.append(Recorded(codes if whole else rearrange_tokens(codes, at), cache, at, key))
    return recorded, read_table(caches[0]).take(rows[0])


def recorded_alike(runs: Sequence[CodedRun]) -> tuple[list[Recorded], TokenTable]:
    """The codes of runs that were cached over the same tokens.

    Raises:
        InvalidInputError: the tokens differ.
    """
    tables = [read_table(run.cache) for run in runs]
    first = runs[0].cache
    for run, table in zip(runs, tables, strict=True):
        context = run.cache.meta.context
        if context != first.meta.context or not np.array_equal(table.tokens, tables[0].tokens):
            raise InvalidInputError(
                f"{first.path} and {run.cache.path} hold codes of different tokens "
                f"({len(tables[0]):,} in windows of {first.meta.context}, and {len(table):,} in "
                f"windows of {context}); cache all over the same data set, with the same number "
                "of tokens and context length"
            )
    rows = np.arange(len(tables[0]))
    keys = [weights_hash(run.dictionary) for run in runs]
    return [
        Recorded(run.codes, run.cache, rows, key) for run, key in zip(runs, keys, strict=True)
    ], tables[0]
