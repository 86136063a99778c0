"""Whether two runs connect their layers alike: one more view of universality, that of circuits.

Two connectors can only be compared through a matching of the latents at both ends. Beside every
number stand what unrelated wiring of the same latents gives (the null), and what the same
dictionaries give when the connector is fitted again from another start (the ceiling): no agreement
between runs can be expected to be larger than that of a fit with itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
import pandas as pd
from jaxtyping import Int64
from scipy import sparse

from universality.connectors.connector import Connector, weights_in
from universality.connectors.degrees import EDGE_RULES, EdgeRule, edges_of
from universality.errors import InvalidInputError
from universality.matching.result import Matching
from universality.validation import Is, Number, OneOf, Several, as_tuple, either, takes

_CONNECTOR = Is((Connector,), "a connector")
_MATCHING = Is((Matching,), "a matching")
_SIMILARITIES = (0.0, 0.5, 0.7, 0.8, 0.9)


@final
@dataclass(frozen=True, eq=False)
class ConnectorComparison:
    """How alike two connectors are, over all matched latents and over those matched well."""

    table: pd.DataFrame
    """One row per similarity from which a pair of latents counts, at both ends.

    `similarity`; `n_sources` and `n_targets`, the pairs that qualify, with `share_sources` and
    `share_targets` of the latents that take part in the first connector; `cosine` of the aligned
    standardised weights, `jaccard` of the edges, and `same_sign`, the share of common edges whose
    weights have one sign; `_null` and `_null_sd`, of both with the pairs of each end dealt out anew
    among themselves; `_ceiling`, of the first connector and its refit on the same latents. NaN
    where fewer than two pairs qualify, or nothing is known."""
    edge: float
    """From where a weight counts as an edge."""
    edge_rule: EdgeRule
    """What that is in."""
    n_draws: int
    """Draws of the null."""

    def __repr__(self) -> str:
        first = self.table.iloc[0]
        ceiling = first["cosine_ceiling"]
        known = "not known" if np.isnan(ceiling) else f"{ceiling:.3f}"
        return (
            f"aligned weights over all {first['n_sources']:,.0f} x {first['n_targets']:,.0f} "
            f"latents: cosine {first['cosine']:.3f}\n"
            f"null {first['cosine_null']:.3f}, ceiling {known}\n"
            f"edges in common {first['jaccard']:.3f}, null {first['jaccard_null']:.3f}"
        )


@takes(
    a=_CONNECTOR,
    b=_CONNECTOR,
    sources=_MATCHING,
    targets=_MATCHING,
    refitted=either(_CONNECTOR, None),
    similarities=Several(Number(-1, 1)),
    edge=Number(0),
    edge_rule=OneOf(EDGE_RULES),
    n_draws=Number(2, whole=True),
    seed=Number(0, whole=True),
)
def compare_connectors(
    a: Connector,
    b: Connector,
    *,
    sources: Matching,
    targets: Matching,
    refitted: Connector | None = None,
    similarities: Sequence[float] = _SIMILARITIES,
    edge: float = 0.1,
    edge_rule: EdgeRule = "standardised",
    n_draws: int = 50,
    seed: int = 0,
) -> ConnectorComparison:
    """How alike two runs connect the same two places, latents aligned by matchings of both ends.

    Args:
        a: Of one run.
        b: Of another.
        sources: Matching of the latents that a reads to those that b reads (`match` or
            `match_codes`).
        targets: Matching of the latents that they predict.
        refitted: The first connector fitted again on the same codes from another start (another
            `seed` with `init="random"`): the ceiling.
        similarities: From where a pair counts; each gives a row.
        edge: From where a weight counts as an edge.
        edge_rule: What that is in: `standardised` or `raw` weights, or `row`, a share of its row's
            largest.
        n_draws: Draws of the null.
        seed: Of these draws.

    Raises:
        InvalidInputError: a matching is not of these latents, or the refit is not of the first
            connector's dictionaries.
    """
    check_matchings((a, b), sources, targets)
    if refitted is not None:
        _check_refit(a, refitted)
    of_a, of_b = _weights(a, edge, edge_rule), _weights(b, edge, edge_rule)
    again = None if refitted is None else _weights(refitted, edge, edge_rule)
    generator = np.random.default_rng(seed)
    rows = []
    for least in as_tuple(similarities):
        pairs = matched_ends(a, b, sources, targets, least)
        shares = {
            "share_sources": pairs.sources_a.size / int(a.connected_sources.sum()),
            "share_targets": pairs.targets_a.size / int(a.connected_targets.sum()),
        }
        found = _alike(of_a, of_b, again, pairs, [generator.spawn(1)[0] for _ in range(n_draws)])
        rows.append({"similarity": float(least)} | shares | found)
    return ConnectorComparison(pd.DataFrame(rows), float(edge), edge_rule, n_draws)


@final
@dataclass(frozen=True, eq=False)
class _Weights:
    """Standardised weights of a connector, and which of them are edges."""

    all: sparse.csr_array
    edges: sparse.csr_array

    def at(self, targets: Int64[np.ndarray, " t"], sources: Int64[np.ndarray, " s"]) -> _Weights:
        return _Weights(self.all[targets][:, sources], self.edges[targets][:, sources])


@final
@dataclass(frozen=True, eq=False)
class MatchedEnds:
    """Latents of a and their partners in b, at both ends."""

    sources_a: Int64[np.ndarray, " s"]
    """Source latents of a."""
    sources_b: Int64[np.ndarray, " s"]
    """Their partners."""
    targets_a: Int64[np.ndarray, " t"]
    """Target latents of a."""
    targets_b: Int64[np.ndarray, " t"]
    """Their partners."""


def _weights(connector: Connector, edge: float, rule: EdgeRule) -> _Weights:
    return _Weights(weights_in(connector, "standardised"), edges_of(connector, edge, rule=rule))


def matched_ends(
    a: Connector, b: Connector, sources: Matching, targets: Matching, least: float
) -> MatchedEnds:
    """The pairs of both ends that take part in both connectors and reach a similarity."""
    at = sources.similarity >= least if least > 0 else np.ones(sources.n_pairs, dtype=bool)
    at = at & a.connected_sources[sources.a] & b.connected_sources[sources.b]
    on = targets.similarity >= least if least > 0 else np.ones(targets.n_pairs, dtype=bool)
    on = on & a.connected_targets[targets.a] & b.connected_targets[targets.b]
    return MatchedEnds(sources.a[at], sources.b[at], targets.a[on], targets.b[on])


def _alike(
    a: _Weights,
    b: _Weights,
    again: _Weights | None,
    pairs: MatchedEnds,
    draws: Sequence[np.random.Generator],
) -> dict[str, int | float]:
    own, other = a.at(pairs.targets_a, pairs.sources_a), b.at(pairs.targets_b, pairs.sources_b)
    refit = None if again is None else again.at(pairs.targets_a, pairs.sources_a)
    found = {
        "n_sources": pairs.sources_a.size,
        "n_targets": pairs.targets_a.size,
        "n_edges_a": int(own.edges.nnz),
        "n_edges_b": int(other.edges.nnz),
        "same_sign": _same_sign(own, other),
    }
    drawn = [_dealt(other, generator) for generator in draws]
    for name, measure in (("cosine", _cosine), ("jaccard", _jaccard)):
        nulls = np.array([measure(own, one) for one in drawn])
        enough = bool(np.isfinite(nulls).all())
        found |= {
            name: measure(own, other),
            f"{name}_null": float(nulls.mean()) if enough else float("nan"),
            f"{name}_null_sd": float(nulls.std(ddof=1)) if enough else float("nan"),
            f"{name}_ceiling": float("nan") if refit is None else measure(own, refit),
        }
    return found


def _dealt(weights: _Weights, generator: np.random.Generator) -> _Weights:
    n_targets, n_sources = weights.all.shape
    return weights.at(generator.permutation(n_targets), generator.permutation(n_sources))


def _cosine(a: _Weights, b: _Weights) -> float:
    lengths = sparse.linalg.norm(a.all) * sparse.linalg.norm(b.all) if _enough(a) else 0.0
    return float(a.all.multiply(b.all).sum()) / lengths if lengths > 0 else float("nan")


def _jaccard(a: _Weights, b: _Weights) -> float:
    common = int(a.edges.multiply(b.edges).nnz)
    either_has = int(a.edges.nnz) + int(b.edges.nnz) - common
    return common / either_has if either_has and _enough(a) else float("nan")


def _same_sign(a: _Weights, b: _Weights) -> float:
    products = a.edges.multiply(b.edges).data
    return float((products > 0).mean()) if products.size else float("nan")


def _enough(weights: _Weights) -> bool:
    return min(weights.all.shape) > 1


def check_matchings(
    connectors: tuple[Connector, Connector], sources: Matching, targets: Matching
) -> None:
    """Nothing, when the matchings are of the latents of these two connectors.

    Raises:
        InvalidInputError: one is not.
    """
    for end, matching in (("source", sources), ("target", targets)):
        widths = tuple(getattr(one, f"d_{end}") for one in connectors)
        if (matching.n_a, matching.n_b) != widths:
            raise InvalidInputError(
                f"{end}s must match the {end} latents of the two connectors, "
                f"{widths[0]:,} and {widths[1]:,}; this matching is of {matching.n_a:,} and "
                f"{matching.n_b:,}"
            )


def _check_refit(a: Connector, refitted: Connector) -> None:
    same_width = (a.d_source, a.d_target) == (refitted.d_source, refitted.d_target)
    same_runs = (a.source.sha256, a.target.sha256) == (
        refitted.source.sha256,
        refitted.target.sha256,
    )
    if not same_width or not same_runs:
        raise InvalidInputError(
            "refitted must connect the dictionaries of the first connector: fit it on the same "
            "codes, from another start"
        )
