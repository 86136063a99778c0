"""How many weights a map has over thresholds, and how many meet in a latent."""

from __future__ import annotations

from typing import Literal, TypeAlias, assert_never

import numpy as np
import pandas as pd
from jaxtyping import Int64
from scipy import sparse

from universality.connectors.connector import UNITS, Connector, Units, weights_in

THRESHOLDS = (0.0, 0.01, 0.03, 0.1, 0.3, 1.0)
"""Absolute weights that are counted over, in raw and in standardised units."""

EdgeRule: TypeAlias = Literal["raw", "standardised", "row"]
"""What the threshold of an edge is in: the weight's units, or its row's largest weight."""

EDGE_RULES: tuple[str, ...] = ("raw", "standardised", "row")


def edges_of(
    connector: Connector, threshold: float, *, rule: EdgeRule = "standardised"
) -> sparse.csr_array:
    """The weights of the first path that count as edges, (d_target, d_source), standardised.

    An edge's absolute weight is above the threshold: in raw or standardised units, or as a share
    of the largest of its row (then raw weights).
    """
    standardised = weights_in(connector, "standardised")
    match rule:
        case "standardised":
            size = abs(standardised)
        case "raw":
            size = abs(weights_in(connector, "raw"))
        case "row":
            size = abs(weights_in(connector, "raw"))
            largest = size.max(axis=1).toarray().reshape(-1)
            inverse = 1 / np.where(largest > 0, largest, 1.0)
            size = sparse.csr_array(sparse.diags_array(inverse) @ size)
        case _:
            assert_never(rule)
    kept = size > threshold
    return sparse.csr_array(standardised.multiply(kept))


def in_degree(weights: sparse.csr_array) -> Int64[np.ndarray, " d_target"]:
    """Sources of each target."""
    return np.asarray(weights.count_nonzero(axis=1)).astype(np.int64)


def out_degree(weights: sparse.csr_array) -> Int64[np.ndarray, " d_source"]:
    """Targets of each source."""
    return np.asarray(weights.count_nonzero(axis=0)).astype(np.int64)


def count_degrees(connector: Connector) -> pd.DataFrame:
    """One row per path, unit and threshold: weights above it, and the degrees of latents.

    A threshold in raw units counts latents of large codes as weak readers and strong writers: with
    a source twice as large the same map has weights half as large. Standardised weights (times the
    source's standard deviation, over the target's) do not depend on the scale of either side.
    """
    return pd.DataFrame(
        [
            _row(connector, path, units, threshold)
            for path in connector.paths
            for units in UNITS
            for threshold in THRESHOLDS
        ]
    )


def _row(connector: Connector, path: str, units: Units, threshold: float) -> dict[str, object]:
    kept = weights_in(connector, units, path=path)
    kept.data = np.where(np.abs(kept.data) > threshold, kept.data, 0.0)
    kept.eliminate_zeros()
    inward = in_degree(kept)[connector.connected_targets]
    outward = out_degree(kept)[connector.connected_sources]
    return {
        "path": path,
        "units": units,
        "threshold": threshold,
        "n_weights": int(kept.nnz),
        "share": kept.nnz / (inward.size * outward.size),
        "in_degree_median": float(np.median(inward)),
        "in_degree_max": int(inward.max()),
        "out_degree_median": float(np.median(outward)),
        "out_degree_max": int(outward.max()),
        "targets_without": int((inward == 0).sum()),
        "sources_without": int((outward == 0).sum()),
    }
