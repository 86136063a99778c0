"""The tables of a connector's result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from universality.connectors.connector import Connector, weights_in
from universality.connectors.connector_fit import FitFrame
from universality.connectors.degrees import in_degree, out_degree
from universality.connectors.ends import ConnectorEnd
from universality.connectors.judging import ConnectorQuality
from universality.connectors.row_reading import RowReading
from universality.results.connected import WeightFrames

_SHOWN = 96


def target_table(
    connector: Connector,
    held_out: ConnectorEnd,
    qualities: Mapping[str, ConnectorQuality],
    readings: Sequence[RowReading],
) -> pd.DataFrame:
    """One row per target latent."""
    own = qualities["connector"]
    labels = np.full(connector.d_target, "unread", dtype=object)
    evidence = np.zeros(connector.d_target, dtype=np.int64)
    for one in readings:
        labels[one.target], evidence[one.target] = one.label, one.evidence
    table = {
        "target": np.arange(connector.d_target),
        "connected": connector.connected_targets,
        "sd": connector.target_sd,
        "bias": connector.b,
        "frequency": held_out.codes.frequency,
        "predicted_frequency": own.n_predicted / held_out.codes.n_tokens,
        "in_degree": sum(in_degree(matrix) for matrix in connector.paths.values()),
        "label": labels,
        "evidence": evidence,
    }
    fvu = {"fvu" if n == "connector" else f"fvu_{n}": q.fvu for n, q in qualities.items()}
    return pd.DataFrame(table | fvu)


def source_table(connector: Connector, held_out: ConnectorEnd) -> pd.DataFrame:
    """One row per source latent."""
    return pd.DataFrame(
        {
            "source": np.arange(connector.d_source),
            "connected": connector.connected_sources,
            "sd": connector.source_sd,
            "frequency": held_out.codes.frequency,
            "out_degree": sum(out_degree(matrix) for matrix in connector.paths.values()),
        }
    )


def edge_table(connector: Connector) -> pd.DataFrame:
    """One row per weight that is not zero, by target."""
    parts = []
    for path, matrix in connector.paths.items():
        raw = matrix.tocoo()
        targets, sources = (one.astype(np.int64) for one in raw.coords)
        spread = np.where(connector.connected_targets, connector.target_sd, 1.0)
        parts.append(
            pd.DataFrame(
                {
                    "path": path,
                    "target": targets,
                    "source": sources,
                    "weight": raw.data,
                    "standardised": raw.data * connector.source_sd[sources] / spread[targets],
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


def training_table(frames: Sequence[FitFrame]) -> pd.DataFrame:
    """One row per frame of a fit."""
    return pd.DataFrame(
        {
            "step": [frame.step for frame in frames],
            "fvu": [frame.fvu for frame in frames],
            "n_weights": [frame.n_weights for frame in frames],
        }
    )


def weight_frames(
    frames: Sequence[FitFrame], connector: Connector, quality: ConnectorQuality
) -> WeightFrames:
    """The weights between the targets that are predicted best and their strongest sources.

    Targets are in the order of their strongest source, so that the picture has a diagonal.
    """
    last = abs(weights_in(connector, "standardised"))
    explained = np.where(np.isnan(quality.fvu), np.inf, quality.fvu)
    targets = np.argsort(explained, kind="stable")[:_SHOWN]
    strongest = last[targets].max(axis=0).toarray().reshape(-1)
    sources = np.sort(np.argsort(-strongest, kind="stable")[:_SHOWN])
    part = last[targets][:, sources].toarray()
    order = np.lexsort((-part.max(axis=1), part.argmax(axis=1)))
    targets = targets[order]
    weights = np.stack([one.weights[targets][:, sources].toarray() for one in frames])
    return WeightFrames(
        step=np.array([frame.step for frame in frames], dtype=np.int64),
        targets=targets.astype(np.int64),
        sources=sources.astype(np.int64),
        weights=weights.astype(np.float32),
    )
