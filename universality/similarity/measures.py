"""What "fire together" means: Pearson correlation, cosine of codes, Jaccard index of firing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias, assert_never, final, get_args

import numpy as np
from jaxtyping import Float64

from universality.codes import Codes, as_firing
from universality.similarity.cofiring import Scaled

Measure: TypeAlias = Literal["pearson", "cosine", "jaccard"]
"""How `--measure` spells it."""

MEASURES: tuple[Measure, ...] = get_args(Measure)
"""All measures, the default first."""


@final
@dataclass(frozen=True, eq=False)
class Term:
    """What a measure needs of one run: its scaled codes, and one number per latent."""

    scaled: Scaled
    """Codes whose products are summed."""
    weight: Float64[np.ndarray, " d_sae"]
    """What `finish` makes similarities with."""


def prepare(codes: Codes, measure: Measure) -> Term:
    """The codes of one run, scaled as the measure wants them.

    For Pearson the weight of a latent is its mean in units of its standard deviation. A latent
    whose mean exceeds its standard deviation fires on most tokens; its mean is taken off before
    the products, since correlation does not see it and cancellation would eat the digits. Latents
    without variance (cosine: without length) get scale 0.
    """
    zeros = np.zeros(codes.d_sae)
    match measure:
        case "pearson":
            return _standardised(codes)
        case "cosine":
            return Term(Scaled(codes, _inverse(np.sqrt(codes.total_of_squares)), zeros), zeros)
        case "jaccard":
            fires = Scaled(as_firing(codes), np.ones(codes.d_sae), zeros)
            return Term(fires, codes.count.astype(float))
        case _:
            assert_never(measure)


def finish(
    sums: Float64[np.ndarray, "..."],
    a: Float64[np.ndarray, "..."] | float,
    b: Float64[np.ndarray, "..."],
    *,
    measure: Measure,
    absolute: bool,
) -> Float64[np.ndarray, "..."]:
    """The similarities that sums of products give, from the weights of both latents of each pair.

    A pair that never fires together has sum 0, so its correlation is minus the product of the
    weights, negative for codes of one sign and positive where means differ in sign.
    """
    match measure:
        case "pearson":
            values = sums - a * b
        case "cosine":
            values = sums.copy()
        case "jaccard":
            values = sums / np.maximum(a + b - sums, 1)
        case _:
            assert_never(measure)
    np.clip(values, -1, 1, out=values)
    return np.asarray(np.abs(values, out=values) if absolute else values)


def _standardised(codes: Codes) -> Term:
    sd = np.sqrt(codes.variance)
    weight = codes.mean * _inverse(sd)
    large = np.abs(weight) > 1
    shift = np.where(large, codes.mean, 0.0)
    weight = np.where(large, codes.drift * _inverse(sd), weight)
    return Term(Scaled(codes, _inverse(sd * np.sqrt(codes.n_tokens)), shift), weight)


def _inverse(scale: Float64[np.ndarray, " d_sae"]) -> Float64[np.ndarray, " d_sae"]:
    return np.asarray(np.divide(1.0, scale, out=np.zeros_like(scale), where=scale > 0))
