"""What a run reads: a cache with its split, its scale, and its rows on demand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from jaxtyping import Float, Int
from torch import Tensor

from universality.activations.cache import ActivationCache, read_activations
from universality.errors import InvalidInputError
from universality.training.inputs import InputStatistics, Split, input_statistics, split_rows


@final
@dataclass(frozen=True, eq=False)
class TrainingData:
    """A cache as training sees it; shared by all runs that hold out the same fraction."""

    cache: ActivationCache
    """The rows."""
    split: Split
    """Which of them are shown."""
    statistics: InputStatistics
    """Their scale and centre."""

    def scaled(self, rows: Int[Tensor, " n_rows"]) -> Float[Tensor, "n_rows d_in"]:
        """These rows in float32, scaled to norm sqrt(d_in) on average."""
        return read_activations(self.cache, rows).float() * self.statistics.scale


def training_data(cache: ActivationCache, *, held_out: float = 0.0) -> TrainingData:
    """The cache with that fraction of its rows held out.

    Raises:
        InvalidInputError: no row is left to train on, all are equal, or some are not finite.
    """
    split = split_rows(cache, held_out)
    if len(split.training) < 2:
        raise InvalidInputError(
            f"{cache.path}: {len(cache)} tokens, too few to train on; collect more"
        )
    return TrainingData(cache, split, input_statistics(cache, split.training))
