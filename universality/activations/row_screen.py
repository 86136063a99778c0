"""Which rows of a cache are compared: the same rule for every cache, whoever collected it.

Rows of attention sinks (beginning-of-sequence and padding tokens, separators) have norms ten to
three hundred times the others'. A handful of them is most of any correlation, and makes unrelated
latents look alike.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any, Literal, TypeAlias, get_args

import numpy as np
import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from universality.activations.cache import ActivationCache
from universality.errors import InvalidInputError

RowRule: TypeAlias = Literal["screened", "all"]
"""`screened` leaves out first positions, rows of high norm and rows of zeros; `all` keeps them."""

ROW_RULES: tuple[str, ...] = get_args(RowRule)
"""How `--rows` spells the rules."""

HIGH_NORM = 10
"""A row is left out when its norm is above this many times the median."""

_BLOCK_ROWS = 8_192


def high_norm(norms: Float[Tensor, " n_rows"]) -> Bool[Tensor, " n_rows"]:
    """Which norms are above ten times the median of those that are not zero."""
    some = norms[norms > 0]
    return norms > (HIGH_NORM * some.median() if len(some) else 0)


def rows_alone(cache: ActivationCache, rows: Int64[np.ndarray, " n_kept"]) -> ActivationCache:
    """The cache with these of its rows alone, which ascend; one that has them all is as it was."""
    if np.array_equal(rows, np.arange(len(cache))):
        return cache
    at = torch.from_numpy(rows)
    kept = at if cache.kept is None else cache.kept[at]
    digest = hashlib.sha256(kept.numpy().tobytes()).hexdigest()
    return replace(cache, meta=replace(cache.meta, n_tokens=len(kept), selection=digest), kept=kept)


def screened(cache: ActivationCache) -> ActivationCache:
    """The cache without rows of high norm and rows of zeros, which are counted in `meta.dropped`.

    One that was screened when it was collected is as it was. Reads every row once.

    Raises:
        InvalidInputError: a row holds NaN or infinity, or no row is left.
    """
    if cache.meta.d_in == 0 or "high_norm" in cache.meta.dropped:
        return cache
    norms = _norms(cache)
    high, zero = high_norm(norms), norms == 0
    counts = {"high_norm": int(high.sum()), "zero": int(zero.sum())}
    if counts["zero"] == len(norms):
        raise InvalidInputError(f"{cache.path}: every row is zero; collect the activations again")
    meta = replace(cache.meta, dropped=cache.meta.dropped | counts)
    if not any(counts.values()):
        return replace(cache, meta=meta)
    kept = (~high & ~zero).nonzero()[:, 0]
    digest = hashlib.sha256(kept.numpy().tobytes()).hexdigest()
    return replace(cache, meta=replace(meta, n_tokens=len(kept), selection=digest), kept=kept)


def about_rows(cache: ActivationCache) -> dict[str, Any]:
    """The rule by which rows were left out and how many by each part of it, ready for JSON."""
    return {"rule": describe_rows(cache), "dropped": dict(cache.meta.dropped)}


def describe_rows(cache: ActivationCache) -> str:
    """The rule by which rows of a cache were left out, for reports."""
    dropped = cache.meta.dropped
    if "high_norm" not in dropped:
        return "all rows that the cache holds"
    special = ", special tokens" if cache.meta.drop_special else ""
    return (
        f"without first positions{special} and norms above {HIGH_NORM} times the median"
        if "first_position" in dropped
        else f"without norms above {HIGH_NORM} times the median{special}"
    )


def _norms(cache: ActivationCache) -> Float[Tensor, " n_rows"]:
    parts, start = [], 0
    for shard in cache.shards:
        for block in torch.split(shard.activations, _BLOCK_ROWS):
            norms = torch.linalg.vector_norm(block, dim=1, dtype=torch.float64)
            if not bool(torch.isfinite(norms).all()):
                row = start + int((~torch.isfinite(norms)).nonzero()[0, 0])
                raise InvalidInputError(
                    f"{cache.path}: activations hold NaN or infinity, first in row {row}"
                )
            parts.append(norms)
            start += len(block)
    return torch.cat(parts)
