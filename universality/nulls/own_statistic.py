"""A statistic of one's own beside what unrelated runs give."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias, final

import numpy as np
import torch
from jaxtyping import Float, Float64
from torch import Tensor

from universality.errors import InvalidInputError
from universality.nulls.null import NULLS, find_null
from universality.shapes import ARRAY, ArrayLike, as_matrix
from universality.validation import CALLABLE, Number, OneOf, takes

Statistic: TypeAlias = Callable[[Float[Tensor, "n_a d"], Float[Tensor, "n_b d"]], float]
"""What is measured on the rows of two runs."""


@final
@dataclass(frozen=True, eq=False)
class NullOf:
    """A statistic of two runs, and of pairs of runs that have nothing to do with each other."""

    observed: float
    """The statistic of the two runs."""
    draws: Float64[np.ndarray, " n_draws"]
    """The statistic of each drawn pair."""
    null: str
    """Name of the null."""
    seed: int
    """Seed of the draws."""

    @property
    def mean(self) -> float:
        """Mean over the draws."""
        return float(self.draws.mean())

    @property
    def sd(self) -> float:
        """Standard deviation over the draws."""
        return float(self.draws.std(ddof=1))

    @property
    def p_value(self) -> float:
        """Chance of a draw at least as large as the observed, never below 1 / (draws + 1)."""
        reached = int((self.draws >= self.observed).sum())
        return (1 + reached) / (1 + self.draws.size)

    def __repr__(self) -> str:
        return (
            f"observed {self.observed:.4g}\n"
            f"{self.null} null {self.mean:.4g}, sd {self.sd:.2g} over {self.draws.size} draws "
            f"(seed {self.seed})\n"
            f"p {self.p_value:.2g}, by rank among the draws"
        )


@takes(
    statistic=CALLABLE,
    a=ARRAY,
    b=ARRAY,
    null=OneOf(tuple(NULLS)),
    n_draws=Number(2, whole=True),
    seed=Number(0, whole=True),
)
def null_of(
    statistic: Statistic,
    a: ArrayLike,
    b: ArrayLike,
    *,
    null: str = "geometry",
    n_draws: int = 20,
    seed: int = 0,
) -> NullOf:
    """A statistic of two runs beside its values on pairs of runs drawn from a null.

    Args:
        statistic: Takes the rows of both runs as tensors and gives a number, large where the runs
            are alike; called once for the runs and once for each draw.
        a: Rows of the first run.
        b: Rows of the second run, of the same width.
        null: Name of the null, as `--null` spells it (see docs/nulls.md).
        n_draws: How many pairs are drawn; the smallest p-value is 1 / (n_draws + 1).
        seed: Of the draws.

    Raises:
        InvalidInputError: a matrix is malformed, the widths differ, an argument does not fit, or
            the statistic gives no finite number.
    """
    rows_a, rows_b = as_matrix(a, "a"), as_matrix(b, "b")
    if rows_a.shape[1] != rows_b.shape[1]:
        raise InvalidInputError(
            f"null_of: a has rows of width {rows_a.shape[1]}, b of width {rows_b.shape[1]}"
        )
    draw, values = find_null(null).draw, []
    for number in range(n_draws):
        generator = torch.Generator().manual_seed(seed + number)
        left, right = draw({"rows": rows_a}, {"rows": rows_b}, generator=generator)
        values.append(_number(statistic(left["rows"], right["rows"])))
    return NullOf(
        observed=_number(statistic(rows_a, rows_b)),
        draws=np.array(values, dtype=np.float64),
        null=null,
        seed=seed,
    )


def _number(value: object) -> float:
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, RuntimeError) as error:
        raise InvalidInputError(
            f"null_of: statistic must give one number, got {type(value).__name__} ({error})"
        ) from error
    if not np.isfinite(number):
        raise InvalidInputError(f"null_of: statistic must give a finite number, got {number}")
    return number
