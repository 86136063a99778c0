"""The tables of a comparison: one row per latent, per point of a curve."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

import numpy as np
import pandas as pd
from jaxtyping import Float64, Int64

from universality.compute.norms import row_norms
from universality.nulls.target_decoy import TargetDecoy
from universality.runs.between.own_runs import OwnRun
from universality.runs.between.surprise import FALSE_DISCOVERY_RATE, Side, Surprise, above_chance
from universality.runs.chance import NullStatistics
from universality.runs.metrics import RULES, Statistics
from universality.runs.part import RunPart
from universality.runs.view_match import Partners

Columns: TypeAlias = dict[str, np.ndarray]


def latent_table(run: RunPart, by_view: Mapping[str, Columns]) -> pd.DataFrame:
    """One row per latent of the run; latents that take no part have partner -1 and NaNs."""
    dictionary = run.dictionary
    columns: Columns = {
        "latent": np.arange(dictionary.d_sae),
        "alive": run.alive.mask.cpu().numpy(),
    }
    if dictionary.firing is not None:
        columns["frequency"] = dictionary.firing.frequency.double().cpu().numpy()
    if run.codes is not None:
        columns["log_density"] = run.column(run.codes.log_density)
        columns["mean_active"] = run.column(run.codes.mean_active)
    if dictionary.views:
        columns["decoder_norm"] = row_norms(dictionary.W_dec).cpu().numpy()
    for view, found in by_view.items():
        columns |= {f"{name}_{view}": run.column(values) for name, values in found.items()}
    table = pd.DataFrame(columns)
    flags = [f"above_chance_{view}" for view, found in by_view.items() if "p_bound" in found]
    return table.astype(dict.fromkeys(flags, "boolean"))


def view_columns(
    partners: Partners,
    other: RunPart,
    *,
    own_nearest: Int64[np.ndarray, " n_alive"],
    own_nearest_similarity: Float64[np.ndarray, " n_alive"],
    null_mean: float,
) -> Columns:
    """What one view found for the latents of one run that take part, one entry each."""
    near = partners.near
    return {
        "nearest": other.numbered(near.nearest),
        "nearest_similarity": near.nearest_similarity,
        "mutual": partners.mutual,
        "runner_up": other.numbered(near.runner_up),
        "margin": near.margin,
        "own_nearest": own_nearest,
        "own_nearest_similarity": own_nearest_similarity,
        "partner": other.numbered(partners.partner),
        "partner_similarity": partners.similarity,
        "excess": near.nearest_similarity - null_mean,
    }


def significance_columns(surprise: Surprise) -> Columns:
    """P-values, or bounds on them, and what follows.

    A latent that is not the nearest of its nearest counts as one whose p-value is 1. Where a bound
    is NaN, which says nothing, so are the columns that follow from it; among the others such a
    latent counts as one whose p-value is 1, too.
    """
    q_value, above = above_chance(surprise.alone)
    name = "p_bound" if surprise.is_bound else "p_value"
    return {name: surprise.p, "q_value": q_value, "above_chance": above}


def target_decoy_columns(found: TargetDecoy | None, n: int) -> Columns:
    """How much closer each of n latents is to the other run than to its own; NaN for a lone one."""
    if found is None:
        empty = np.full(n, np.nan)
        return {"own_margin": empty, "nearer_than_own": empty, "decoys_per_target": empty}
    return {
        "own_margin": found.margin,
        "nearer_than_own": found.nearer,
        "decoys_per_target": found.decoys_per_target,
        "beyond_own": found.decoys_per_target <= FALSE_DISCOVERY_RATE,
    }


def latent_shares(latents: pd.DataFrame, view: str) -> dict[str, float | None]:
    """Which share of the latents that take part is above chance, by two filters.

    `above_chance` under the null of the view, None where nothing is known; `nearer_than_own`, P(the
    nearest of the other run is closer than that of the own), and `beyond_own`, the share called at
    one decoy per twenty targets; None for a lone latent.
    """
    took_part = latents[latents[f"nearest_{view}"] >= 0]
    shares: dict[str, float | None] = {}
    for name in ("above_chance", "nearer_than_own", "beyond_own"):
        values = took_part.get(f"{name}_{view}")
        if values is None or values.isna().all():
            shares[name] = None
        else:
            shares[name] = float(values.to_numpy(float, na_value=0.0).mean())
    return shares


def curve_table(
    observed: Statistics,
    nulls: Sequence[NullStatistics],
    own: Mapping[Side, OwnRun],
    sizes: Mapping[str, int],
) -> pd.DataFrame:
    """One row per view, rule and threshold: the share that reaches it, beside null and own runs.

    `sizes` gives each rule's denominator.
    """
    tables = []
    for (view, rule), fraction in observed.shares.items():
        null = next(null for null in nulls if (view, rule) in null.mean.shares)
        tables.append(
            pd.DataFrame(
                {
                    "view": view,
                    "rule": rule,
                    "threshold": observed.thresholds,
                    "count": np.rint(fraction * sizes[rule]).astype(np.int64),
                    "denominator": sizes[rule],
                    "fraction": fraction,
                    "null_fraction": null.mean.shares[view, rule],
                    "null_sd": null.sd.shares[view, rule],
                    "own_a_fraction": own["a"].share(view, rule),
                    "own_b_fraction": own["b"].share(view, rule),
                }
            )
        )
    return pd.concat(tables, ignore_index=True)


def denominators(n_a: int, n_b: int) -> dict[str, int]:
    """What each rule's fractions are fractions of."""
    return dict(zip(RULES, (n_a, n_b, min(n_a, n_b)), strict=True))
