"""The tables of a comparison: one row per latent, per matched pair, per point of a curve."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias, final

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float64, Int64

from universality.comparison.null_statistics import NullStatistics
from universality.comparison.views import Side
from universality.matching import Neighbours
from universality.metrics import RULES, Statistics, ViewMatch
from universality.similarity import Similarity

Columns: TypeAlias = dict[str, np.ndarray]


def latent_table(
    run: Side,
    other: Side,
    found: Mapping[str, Found],
) -> pd.DataFrame:
    """One row per latent of the run; latents that take no part have partner -1 and NaNs."""
    dictionary = run.dictionary
    columns: Columns = {
        "latent": np.arange(dictionary.d_sae),
        "alive": run.alive.mask.cpu().numpy(),
    }
    if dictionary.firing is not None:
        columns["frequency"] = dictionary.firing.frequency.double().cpu().numpy()
    columns["decoder_norm"] = dictionary.W_dec.float().norm(dim=1).double().cpu().numpy()
    for view, what in found.items():
        for name, values in what.columns(other).items():
            columns[f"{name}_{view}"] = run.column(values)
    return pd.DataFrame(columns)


@final
@dataclass(frozen=True, eq=False)
class Found:
    """What one view found for the latents of one run that take part."""

    near: Neighbours
    """Their nearest latents in the other run."""
    partner: Int64[np.ndarray, " n_alive"]
    """Their partners in the assignment, -1 for none."""
    partner_similarity: Float64[np.ndarray, " n_alive"]
    """Similarity to the partner, NaN without one."""
    own_nearest_similarity: Float64[np.ndarray, " n_alive"]
    """Similarity to the nearest other latent of the own run."""
    null_mean: float
    """Mean similarity to the nearest under the null."""

    def columns(self, other: Side) -> Columns:
        """The columns of the latent table, partners by their numbers in the other run."""
        numbers = other.numbers
        return {
            "nearest": numbers[self.near.nearest],
            "nearest_similarity": self.near.nearest_similarity,
            "margin": self.near.margin,
            "own_nearest_similarity": self.own_nearest_similarity,
            "partner": np.where(self.partner >= 0, numbers[self.partner], -1),
            "partner_similarity": self.partner_similarity,
            "excess": self.near.nearest_similarity - self.null_mean,
        }


def findings(
    match: ViewMatch,
    own: tuple[Float64[np.ndarray, " n_a"], Float64[np.ndarray, " n_b"]],
    null_means: tuple[float, float],
) -> tuple[Found, Found]:
    """What one view found for the latents of a, and for those of b."""
    matching, candidates = match.matching, match.candidates
    similarity_a, similarity_b = np.full(matching.n_a, np.nan), np.full(matching.n_b, np.nan)
    similarity_a[matching.a] = similarity_b[matching.b] = matching.similarity
    return (
        Found(candidates.of_a, matching.partner_of_a, similarity_a, own[0], null_means[0]),
        Found(candidates.of_b, matching.partner_of_b, similarity_b, own[1], null_means[1]),
    )


def pair_table(
    a: Side,
    b: Side,
    similarities: Mapping[str, Similarity],
    matches: Mapping[str, ViewMatch],
) -> pd.DataFrame:
    """One row per assigned pair and view, with what every view says of that pair."""
    tables = []
    for view, match in matches.items():
        i, j = match.matching.a, match.matching.b
        columns: Columns = {"a": a.numbers[i], "b": b.numbers[j]}
        columns["similarity"] = match.matching.similarity
        for other, similarity in similarities.items():
            at = similarity.at(*(torch.from_numpy(k).to(similarity.device) for k in (i, j)))
            columns[f"similarity_{other}"] = at.cpu().numpy()
            columns[f"same_partner_{other}"] = matches[other].matching.partner_of_a[i] == j
        tables.append(pd.DataFrame({"view": view} | columns))
    return pd.concat(tables, ignore_index=True)


def curve_table(
    observed: Statistics, null: NullStatistics, sizes: Mapping[str, int]
) -> pd.DataFrame:
    """One row per view, rule and threshold: the share that reaches it, beside the null's.

    `sizes` gives each rule's denominator.
    """
    tables = []
    for view, rule in observed.shares.columns:
        fraction = observed.shares[view, rule].to_numpy()
        tables.append(
            pd.DataFrame(
                {
                    "view": view,
                    "rule": rule,
                    "threshold": observed.shares.index,
                    "count": np.rint(fraction * sizes[rule]).astype(np.int64),
                    "denominator": sizes[rule],
                    "fraction": fraction,
                    "null_fraction": null.mean.shares[view, rule].to_numpy(),
                    "null_sd": null.sd.shares[view, rule].to_numpy(),
                }
            )
        )
    return pd.concat(tables, ignore_index=True)


def denominators(n_a: int, n_b: int) -> dict[str, int]:
    """What each rule's fractions are fractions of."""
    return dict(zip(RULES, (n_a, n_b, min(n_a, n_b)), strict=True))
