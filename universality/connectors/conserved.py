"""Edges that survive a change of seed: of the first connector, found in how many of the others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import final

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float64, Int64
from scipy import sparse

from universality.connectors.across_seeds import check_matchings, matched_ends
from universality.connectors.connector import Connector, weights_in
from universality.connectors.degrees import EDGE_RULES, EdgeRule, edges_of
from universality.errors import InvalidInputError
from universality.matching.result import Matching
from universality.validation import Is, Number, OneOf, Several, as_tuple, takes

_CONNECTOR = Is((Connector,), "a connector")
_MATCHING = Is((Matching,), "a matching")


@final
@dataclass(frozen=True, eq=False)
class ConservedEdges:
    """Which edges of the first of several connectors the others have too."""

    edges: pd.DataFrame
    """One row per edge of the first connector, most conserved first: `source` and `target`, its
    latents; `weight`, standardised; `n_runs`, connectors that have it with the same sign, the first
    included; `mean_weight` over all connectors that could have it; `n_possible`, connectors in
    which both latents have a partner that takes part; `similarity`, the least of the similarities
    by which its latents were followed."""
    counts: pd.DataFrame
    """One row per `n_runs`: `n_edges`, and `null` with `null_sd` when the partners of each run are
    dealt out anew."""


@takes(
    connectors=Several(_CONNECTOR, least=2),
    sources=Several(_MATCHING),
    targets=Several(_MATCHING),
    similarity=Number(-1, 1),
    edge=Number(0),
    edge_rule=OneOf(EDGE_RULES),
    n_draws=Number(2, whole=True),
    seed=Number(0, whole=True),
)
def conserved_edges(
    connectors: Sequence[Connector],
    *,
    sources: Sequence[Matching],
    targets: Sequence[Matching],
    similarity: float = 0.0,
    edge: float = 0.1,
    edge_rule: EdgeRule = "standardised",
    n_draws: int = 20,
    seed: int = 0,
) -> ConservedEdges:
    """Which edges of the first connector are found in how many of the others.

    Args:
        connectors: Of several runs, the one whose edges are followed first.
        sources: For each of the others, the matching of the first's source latents to its own.
        targets: The same at the other end.
        similarity: From where a pair counts: a latent without such a partner ends the edge.
        edge: As in `compare_connectors`.
        edge_rule: As in `compare_connectors`.
        n_draws: Draws of the null.
        seed: Of these draws.

    Raises:
        InvalidInputError: there is not one matching of each end for every other connector, or one
            is not of these latents.
    """
    first, *others = as_tuple(connectors)
    sources, targets = as_tuple(sources), as_tuple(targets)
    if not len(others) == len(sources) == len(targets):
        raise InvalidInputError(
            f"conserved_edges: {len(others) + 1} connectors need {len(others)} matchings of "
            f"sources and as many of targets, got {len(sources)} and {len(targets)}"
        )
    for other, of_source, of_target in zip(others, sources, targets, strict=True):
        check_matchings((first, other), of_source, of_target)
    base = sparse.coo_array(edges_of(first, edge, rule=edge_rule))
    followed = [
        _followed(first, other, pair, similarity, edge, edge_rule)
        for other, pair in zip(others, zip(sources, targets, strict=True), strict=True)
    ]
    table = _edge_table(base, [_there(base, one) for one in followed])
    generator = np.random.default_rng(seed)
    draws = [
        _n_runs([_there(base, _dealt_anew(one, generator)) for one in followed])
        for _ in range(n_draws)
    ]
    return ConservedEdges(table, _counts(table, draws, len(connectors)))


@final
@dataclass(frozen=True, eq=False)
class _Followed:
    """Another connector, and for every latent of the first its partner there; -1 for none."""

    sources: Int64[np.ndarray, " d_source"]
    targets: Int64[np.ndarray, " d_target"]
    source_similarity: Float64[np.ndarray, " d_source"]
    target_similarity: Float64[np.ndarray, " d_target"]
    edges: sparse.csr_array
    weights: sparse.csr_array


@final
@dataclass(frozen=True, eq=False)
class _There:
    """What another connector has in the place of each edge of the first."""

    same: Bool[np.ndarray, " n_edges"]
    possible: Bool[np.ndarray, " n_edges"]
    weight: Float64[np.ndarray, " n_edges"]
    similarity: Float64[np.ndarray, " n_edges"]


def _followed(
    first: Connector,
    other: Connector,
    matchings: tuple[Matching, Matching],
    similarity: float,
    edge: float,
    rule: EdgeRule,
) -> _Followed:
    pairs = matched_ends(first, other, *matchings, similarity)
    return _Followed(
        sources=_scattered(first.d_source, pairs.sources_a, pairs.sources_b, -1),
        targets=_scattered(first.d_target, pairs.targets_a, pairs.targets_b, -1),
        source_similarity=_scattered(
            first.d_source, matchings[0].a, matchings[0].similarity, np.nan
        ),
        target_similarity=_scattered(
            first.d_target, matchings[1].a, matchings[1].similarity, np.nan
        ),
        edges=edges_of(other, edge, rule=rule),
        weights=weights_in(other, "standardised"),
    )


def _scattered(n: int, at: np.ndarray, values: np.ndarray, filler: int | float) -> np.ndarray:
    found = np.full(n, filler, dtype=values.dtype)
    found[at] = values
    return found


def _dealt_anew(one: _Followed, generator: np.random.Generator) -> _Followed:
    def dealt(partner: np.ndarray) -> np.ndarray:
        found, there = partner.copy(), np.flatnonzero(partner >= 0)
        found[there] = generator.permutation(partner[there])
        return found

    return replace(one, sources=dealt(one.sources), targets=dealt(one.targets))


def _there(base: sparse.coo_array, one: _Followed) -> _There:
    targets, sources = base.coords
    t, s = one.targets[targets], one.sources[sources]
    possible = (t >= 0) & (s >= 0)
    edges, weights = np.zeros(base.nnz), np.zeros(base.nnz)
    at = t[possible], s[possible]
    edges[possible] = np.asarray(one.edges[at]).reshape(-1) if possible.any() else 0.0
    weights[possible] = np.asarray(one.weights[at]).reshape(-1) if possible.any() else 0.0
    similarity = np.minimum(one.target_similarity[targets], one.source_similarity[sources])
    return _There(edges * base.data > 0, possible, weights, np.where(possible, similarity, np.inf))


def _n_runs(found: Sequence[_There]) -> Int64[np.ndarray, " n_edges"]:
    n_others: np.ndarray = np.stack([one.same for one in found]).sum(axis=0, dtype=np.int64)
    return n_others + 1


def _edge_table(base: sparse.coo_array, found: Sequence[_There]) -> pd.DataFrame:
    n_possible = 1 + np.sum([one.possible for one in found], axis=0, dtype=np.int64)
    least = np.min([one.similarity for one in found], axis=0)
    table = pd.DataFrame(
        {
            "source": base.coords[1],
            "target": base.coords[0],
            "weight": base.data,
            "n_runs": _n_runs(found),
            "n_possible": n_possible,
            "mean_weight": (base.data + np.sum([one.weight for one in found], axis=0)) / n_possible,
            "similarity": np.where(np.isfinite(least), least, np.nan),
        }
    )
    order = ["n_runs", "similarity"]
    return table.sort_values(order, ascending=False, kind="stable").reset_index(drop=True)


def _counts(table: pd.DataFrame, draws: Sequence[np.ndarray], n_connectors: int) -> pd.DataFrame:
    ks = np.arange(1, n_connectors + 1)
    drawn = np.array([[(one == k).sum() for k in ks] for one in draws], dtype=float)
    return pd.DataFrame(
        {
            "n_runs": ks,
            "n_edges": [int((table["n_runs"] == k).sum()) for k in ks],
            "null": drawn.mean(axis=0),
            "null_sd": drawn.std(axis=0, ddof=1),
        }
    )
