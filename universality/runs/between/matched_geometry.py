"""Are latents that fire together arranged alike in both runs, which may be of different models?

Pairs are made by activations on one half of the documents, one to one, from the most alike down to
a correlation of .1 (Lan et al. 2024, arXiv:2410.06981); what is compared is how their decoder, or
encoder, rows lie to each other. Selection makes pairs alike: the best assignment of two unrelated
runs is far from any random pairing, so pairs that are shuffled afterwards are no null (two
independent dictionaries are called alike in nearly every world, `analysis.arrangement_nulls`). Here
each draw breaks what is asked about, takes b's codes on other tokens as the tokens null does, and
pairs anew by the same rule: as many pairs, the same statistics.

What the null leaves out: two runs over the *same* activations fire alike where the activations are
alike, even before any training, and what fires alike there writes alike too. That is a floor, not
chance; the `untrained` floor of the activations view says how much they fire alike.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, final

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float64, Int64

from universality.codes import Codes, rearrange_tokens, take_tokens
from universality.compute.norms import unit
from universality.compute.stages import counted
from universality.dictionary import DirectionName
from universality.errors import InvalidInputError
from universality.evidence.held_out import FittedPairs, fit_pairs, split_documents
from universality.nulls.tokens import permute_windows
from universality.pair_geometry.geometry_reading import GeometryReading, read_geometry
from universality.runs.matched import MatchedPair
from universality.runs.policy import Policy

LEAST_PAIRED = 0.1
"""Pairs that fire less alike are left out, as Lan et al. do."""
GEOMETRY_DRAWS = 19
"""Draws of the null, at least: enough for a p-value of .05."""


@final
@dataclass(frozen=True, eq=False)
class MatchedGeometry:
    """The arrangement of pairs that activations made, beside pairs that chance made."""

    n_tokens: int
    """On which pairs were found: half of the documents."""
    pairs: FittedPairs
    """Those that are compared, the most alike first."""
    readings: dict[DirectionName, list[GeometryReading]]
    """By view of directions."""
    draws: dict[DirectionName, list[list[GeometryReading]]]
    """By view, the same of each draw."""

    @property
    def table(self) -> pd.DataFrame:
        """One row per view, statistic and draw; draw -1 is what was observed."""
        return pd.DataFrame(
            [
                {"view": view, "statistic": one.statistic, "draw": draw, "value": one.value}
                for view, observed in self.readings.items()
                for draw, readings in enumerate([observed, *self.draws[view]], start=-1)
                for one in readings
            ]
        )

    def summary(self) -> dict[str, Any]:
        """For JSON: what pairs they are, and every statistic beside its null."""
        return {
            "n_tokens": self.n_tokens,
            "n_pairs": int(self.pairs.a.size),
            "least_similarity": LEAST_PAIRED,
            "n_draws": len(next(iter(self.draws.values()))),
            "statistics": [
                {"view": view, **one.as_record(), **_beside(one, drawn)}
                for view, observed in self.readings.items()
                for one, *drawn in zip(observed, *self.draws[view], strict=True)
            ],
        }


def matched_geometry(pair: MatchedPair, policy: Policy) -> MatchedGeometry:
    """The arrangement of pairs that activations make on one half of the documents, with its null.

    Costs a matching of half of the tokens for the observed and for each draw.

    Raises:
        InvalidInputError: there are no activations, no view of directions that both runs have, one
            document, or fewer than four pairs that fire alike.
    """
    views = _views(pair)
    a, b = (part.recorded.codes for part in pair.runs.parts if part.recorded is not None)
    assert pair.runs.table is not None
    documents = pair.runs.table.documents
    first = split_documents(documents, seed=policy.seed)
    seen = take_tokens(a, first), take_tokens(b, first)
    observed = _most_alike(_paired(seen, policy), None)
    n = observed.a.size
    rows = {
        view: tuple(
            unit(part.dictionary.directions(view)).double().cpu().numpy()
            for part in pair.runs.parts
        )
        for view in views
    }
    generator = torch.Generator().manual_seed(policy.seed)
    draws: dict[DirectionName, list[list[GeometryReading]]] = {view: [] for view in views}
    for _ in counted(range(max(policy.n_draws, GEOMETRY_DRAWS)), "draws of matched geometry"):
        places = permute_windows(documents[first], generator=generator)
        apart = rearrange_tokens(seen[0], places[0]), rearrange_tokens(seen[1], places[1])
        drawn = _most_alike(_paired(apart, policy), n)
        for view in views:
            draws[view].append(_read(rows[view], drawn, policy))
    readings = {view: _read(rows[view], observed, policy) for view in views}
    return MatchedGeometry(seen[0].n_tokens, observed, readings, draws)


def _views(pair: MatchedPair) -> list[DirectionName]:
    if not pair.runs.compares_firing:
        raise InvalidInputError(
            "--geometry compares latents that fire together: pass a cache with --activations DIR "
            "(`activations=`), one for each model, and leave --view activations in"
        )
    if pair.runs.n_documents < 2:
        raise InvalidInputError(
            "--geometry finds pairs on one half of the documents, the cache has one document: "
            "collect more"
        )
    first, second = pair.runs.dictionaries
    views: list[DirectionName] = [view for view in first.views if view in second.views]
    if not views:
        raise InvalidInputError(
            "--geometry compares rows of decoders or encoders, and caches of latents hold codes "
            "alone: give the runs' weights with --activations"
        )
    return views


def _paired(seen: tuple[Codes, Codes], policy: Policy) -> FittedPairs:
    least = -(-policy.min_firing // 2)
    found = fit_pairs(
        *seen, measure=policy.measure, absolute=policy.absolute or None, min_firing=least
    )
    if found is None:
        raise InvalidInputError(
            f"in half of the documents no latent fires on {least} tokens, so --geometry has no "
            "pairs: collect more tokens, or lower --min-firing"
        )
    return found


def _most_alike(pairs: FittedPairs, n: int | None) -> FittedPairs:
    """The n pairs that fire most alike; those that reach the least similarity if n is None."""
    if n is None:
        n = int((pairs.similarity >= LEAST_PAIRED).sum())
        if n < 4:
            raise InvalidInputError(
                f"{n} pairs of latents fire alike (correlation {LEAST_PAIRED:g} or more) on half "
                "of the documents: --geometry needs at least 4; give more tokens"
            )
    order = np.argsort(-pairs.similarity, kind="stable")[:n]
    return FittedPairs(
        pairs.a[order],
        pairs.b[order],
        pairs.similarity[order],
        alive=pairs.alive,
        absolute=pairs.absolute,
    )


def _read(
    rows: Sequence[Float64[np.ndarray, "_ _"]], pairs: FittedPairs, policy: Policy
) -> list[GeometryReading]:
    ends: tuple[Int64[np.ndarray, " n"], ...] = (pairs.a, pairs.b)
    x, y = (side[latents] for side, latents in zip(rows, ends, strict=True))
    return read_geometry(x, y, seed=policy.seed)


def _beside(one: GeometryReading, drawn: Sequence[GeometryReading]) -> dict[str, Any]:
    """Mean and spread of the null, and the p-value of the observed; null where undefined."""
    values = np.array([draw.value for draw in drawn])
    values = values[np.isfinite(values)]
    if math.isnan(one.value) or values.size < 2:
        return {"null_mean": None, "null_sd": None, "p_value": None}
    return {
        "null_mean": float(values.mean()),
        "null_sd": float(values.std(ddof=1)),
        "p_value": float((1 + (values >= one.value).sum()) / (1 + values.size)),
    }
