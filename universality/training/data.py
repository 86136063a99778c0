"""What a run reads: a cache with its split, its scale, and its rows on demand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import torch
from jaxtyping import Float, Int
from torch import Tensor

from universality.activations.cache import ActivationCache, read_activations
from universality.activations.token_table import read_table
from universality.errors import InvalidInputError
from universality.training.inputs import InputStatistics, Split, input_statistics, split_rows


@final
@dataclass(frozen=True, eq=False)
class Side:
    """One cache as training sees it, scaled."""

    cache: ActivationCache
    """The rows."""
    statistics: InputStatistics
    """Their scale and centre."""
    kept: Float[Tensor, "n_tokens d"] | None = None
    """All rows in memory, in the format of the cache; None where they are read on demand."""

    def raw(self, rows: Int[Tensor, " n_rows"]) -> Float[Tensor, "n_rows d"]:
        """These rows as the cache has them."""
        if self.kept is not None:
            return self.kept[rows]
        return read_activations(self.cache, rows)

    def scaled(self, rows: Int[Tensor, " n_rows"]) -> Float[Tensor, "n_rows d"]:
        """These rows in float32, scaled to norm sqrt(d) on average."""
        return self.raw(rows).float() * self.statistics.scale


@final
@dataclass(frozen=True, eq=False)
class TrainingData:
    """What runs of one hook share: the rows, and which of them are shown."""

    source: Side
    """What is read."""
    target: Side
    """What is reconstructed: the source itself but for transcoders."""
    split: Split
    """Which rows are shown."""

    @property
    def cache(self) -> ActivationCache:
        """What is read."""
        return self.source.cache

    @property
    def transcodes(self) -> bool:
        """Whether what is reconstructed is another cache."""
        return self.target is not self.source


def training_data(
    cache: ActivationCache,
    *,
    held_out: float = 0.0,
    target: ActivationCache | None = None,
    in_memory: bool = False,
) -> TrainingData:
    """The cache with that fraction of its rows held out; with `target`, the pair of a transcoder.

    `in_memory` reads every row once and keeps them, in the format of the cache.

    Raises:
        InvalidInputError: no row is left to train on, all are equal, some are not finite, or the
            two caches are not of the same tokens.
    """
    split = split_rows(cache, held_out)
    if len(split.training) < 2:
        raise InvalidInputError(
            f"{cache.path}: {len(cache)} tokens, too few to train on; collect more"
        )
    if target is not None:
        check_aligned(cache, target)
    source = _side(cache, split, in_memory=in_memory)
    other = source if target is None else _side(target, split, in_memory=in_memory)
    return TrainingData(source, other, split)


def check_aligned(cache: ActivationCache, target: ActivationCache) -> None:
    """Nothing, when row i of both caches is the same token.

    Raises:
        InvalidInputError: it is not; the first row that differs is named.
    """
    if len(cache) != len(target):
        raise InvalidInputError(
            f"{cache.path} has {len(cache)} rows and {target.path} {len(target)}: collect both "
            "from the same texts with the same options (several --hook in one command)"
        )
    tables = [read_table(side) for side in (cache, target)]
    for field in ("tokens", "documents", "positions"):
        a, b = (getattr(table, field) for table in tables)
        differing = (a != b).nonzero()[0]
        if len(differing):
            raise InvalidInputError(
                f"{cache.path} and {target.path} do not align: their {field} differ from row "
                f"{int(differing[0])} on; collect both from the same texts with the same options"
            )


def _side(cache: ActivationCache, split: Split, *, in_memory: bool) -> Side:
    kept = read_activations(cache, torch.arange(len(cache))) if in_memory else None
    return Side(cache, input_statistics(cache, split.training, kept), kept)
