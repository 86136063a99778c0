"""`connect`: a connector between two dictionaries, and all that is said of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, final

import numpy as np
import pandas as pd
import torch
from jaxtyping import Bool
from scipy import sparse

from universality.activations.cache import ActivationCache
from universality.codes import rearrange_tokens
from universality.connectors.analytic_map import (
    AnalyticStart,
    Between,
    analytic_start,
    dense_prediction,
)
from universality.connectors.connection_tables import (
    edge_table,
    source_table,
    target_table,
    training_table,
    weight_frames,
)
from universality.connectors.connector import Connector
from universality.connectors.connector_fit import FitFrame, fitted, why_empty
from universality.connectors.degrees import count_degrees
from universality.connectors.ends import ConnectorEnd, coded_ends, held_out_tokens, taken
from universality.connectors.fit_settings import ConnectorSettings
from universality.connectors.judging import ConnectorQuality, constant_prediction, quality_of
from universality.connectors.row_contexts import row_contexts
from universality.connectors.row_reading import RowReading, read_map_rows, rows_table
from universality.dictionary import Dictionary
from universality.results.connected import CONNECTION_SCHEMA, ROW_LABELS, Connection

N_FRAMES = 24
"""Frames of the animation."""


@final
@dataclass(frozen=True, eq=False)
class Ends:
    """What both ends do on tokens that are fitted, and on tokens that are kept out."""

    fit: tuple[ConnectorEnd, ConnectorEnd]
    """Source and target, fitted."""
    held_out: tuple[ConnectorEnd, ConnectorEnd]
    """Source and target, to judge by."""


@final
@dataclass(frozen=True, eq=False)
class Connected:
    """A connector and its result."""

    connector: Connector
    """The first of the path."""
    connection: Connection
    """What is kept of it."""


def connect(
    source: Dictionary,
    target: Dictionary,
    caches: tuple[ActivationCache, ActivationCache],
    settings: ConnectorSettings | None = None,
    *,
    l1_path: Sequence[float] = (),
    held_out: float = 0.2,
    between: Between | None = None,
    device: torch.device | str = "cpu",
    progress: bool = False,
) -> Connected:
    """The connector between two dictionaries on the tokens of two caches, with all baselines.

    Args:
        source: Dictionary of the earlier place.
        target: Dictionary of the later place.
        caches: Activations of both places over the same texts.
        settings: How to fit.
        l1_path: Further penalties to fit with, for `path`.
        held_out: Share of the tokens kept out, as whole documents.
        between: The layer between the places, for the analytic and the dense map.
        device: Where the dictionaries encode.
        progress: Show bars.

    Raises:
        InvalidInputError: the caches are not of the same texts; the dictionaries are the same one,
            or do not encode anything that varies; there are too few tokens.
    """
    settings = settings or ConnectorSettings()
    start = None if between is None else analytic_start(source, target, between)
    pair = coded_ends(source, target, *caches, device=device, progress=progress)
    kept_out = held_out_tokens(pair[0], held_out, seed=settings.seed)
    ends = Ends(
        (taken(pair[0], ~kept_out), taken(pair[1], ~kept_out)),
        (taken(pair[0], kept_out), taken(pair[1], kept_out)),
    )
    frames: list[FitFrame] = []
    connector = fitted(
        *ends.fit,
        settings,
        start=start if settings.init == "analytic" else None,
        n_frames=N_FRAMES,
        keep=frames.append,
        progress=progress,
    )
    qualities = _qualities(connector, ends, source, target, between, start, progress=progress)
    path = _path(connector, ends, l1_path, start, progress=progress)
    readings = _readings(connector, ends)
    tables: dict[str, Any] = {
        "targets": target_table(connector, ends.held_out[1], qualities, readings),
        "sources": source_table(connector, ends.held_out[0]),
        "edges": edge_table(connector),
        "inputs": rows_table(readings),
        "degrees": count_degrees(connector),
        "path": path,
        "training": training_table(frames),
        "contexts": row_contexts(readings, *ends.held_out, caches[0]),
    }
    summary = _summary(connector, ends, qualities, readings, held_out)
    for end, run, cache in zip(("source", "target"), (source, target), caches, strict=True):
        summary[end] |= {"spec": run.source.spec, "activations_sha256": cache.meta.sha256}
    frames_kept = weight_frames(frames, connector, qualities["connector"])
    return Connected(connector, Connection(summary, **tables, frames=frames_kept))


def _qualities(
    connector: Connector,
    ends: Ends,
    source: Dictionary,
    target: Dictionary,
    between: Between | None,
    start: AnalyticStart | None,
    *,
    progress: bool,
) -> dict[str, ConnectorQuality]:
    """How well the map and what stands beside it predict held-out tokens, by name."""
    codes = ends.held_out[0].by_token, ends.held_out[1].by_token
    maps = {
        "connector": connector.predict,
        "constant": constant_prediction(ends.fit[1].codes.mean),
        "permuted": _permuted(connector, ends, progress=progress).predict,
    }
    if between is not None and start is not None:
        analytic = replace(
            connector,
            W=sparse.csr_array(start.W.astype(np.float32)),
            b=start.b.astype(np.float32),
            V=None,
            form="relu",
        )
        maps["analytic"] = analytic.predict
        maps["dense"] = lambda some: dense_prediction(source, target, between, some)
    return {
        name: quality_of(predict, *codes, taken=connector.connected_targets)
        for name, predict in maps.items()
    }


def _permuted(connector: Connector, ends: Ends, *, progress: bool) -> Connector:
    """The same fit with the source's tokens in a random order: what chance explains."""
    first, second = ends.fit
    order = np.random.default_rng([connector.settings.seed, 2]).permutation(first.codes.n_tokens)
    shuffled = ConnectorEnd(rearrange_tokens(first.codes, order), None, first.key)
    settings = replace(connector.settings, init="zero")
    return fitted(shuffled, second, settings, progress=progress)


def _path(
    connector: Connector,
    ends: Ends,
    l1_path: Sequence[float],
    start: AnalyticStart | None,
    *,
    progress: bool,
) -> pd.DataFrame:
    settings = connector.settings
    more = [
        fitted(
            *ends.fit,
            replace(settings, l1=l1),
            start=start if settings.init == "analytic" else None,
            progress=progress,
        )
        for l1 in l1_path
    ]
    codes = ends.held_out[0].by_token, ends.held_out[1].by_token
    rows = []
    for one in (connector, *more):
        quality = quality_of(one.predict, *codes, taken=one.connected_targets)
        rows.append(
            {"l1": one.settings.l1, "n_weights": one.n_weights}
            | {f"fvu_{name}": value for name, value in fvu_of(quality).items()}
            | {"dead_rows": quality.dead_rows}
        )
    return pd.DataFrame(rows).sort_values("l1", kind="stable").reset_index(drop=True)


def _readings(connector: Connector, ends: Ends) -> list[RowReading]:
    """Every row, unless there is a skip path, past which dropping an input says nothing."""
    if connector.form == "skip":
        return []
    return read_map_rows(connector, *ends.held_out, np.flatnonzero(connector.connected_targets))


def fvu_of(quality: ConnectorQuality) -> dict[str, float]:
    """The three numbers that are said of every map."""
    return {
        "global": quality.global_fvu,
        "median": quality.median_fvu,
        "unexplained": quality.unexplained_share,
    }


def _summary(
    connector: Connector,
    ends: Ends,
    qualities: dict[str, ConnectorQuality],
    readings: Sequence[RowReading],
    held_out: float,
) -> dict[str, Any]:
    own = qualities["connector"]
    possible = int(connector.connected_sources.sum()) * int(connector.connected_targets.sum())
    summary: dict[str, Any] = {
        "schema": CONNECTION_SCHEMA,
        "source": _about_end(connector, "source", ends.fit[0]),
        "target": _about_end(connector, "target", ends.fit[1]),
        "settings": asdict(connector.settings) | {"held_out": held_out},
        "tokens": {
            "n_fitted": connector.n_tokens,
            "n_held_out": ends.held_out[0].codes.n_tokens,
        },
        "fvu": {name: fvu_of(quality) for name, quality in qualities.items()},
        "n_judged": int(own.judged.sum()),
        "dead_rows": own.dead_rows,
        "weights": {
            "n_weights": connector.n_weights,
            "n_possible": possible * len(connector.paths),
            "share": connector.n_weights / (possible * len(connector.paths)),
        },
        "rows": {word: sum(one.label == word for one in readings) for word in ROW_LABELS},
    }
    return summary | {"answer": _answer(summary, connector)}


def _about_end(connector: Connector, name: str, fit: ConnectorEnd) -> dict[str, Any]:
    kept: Bool[np.ndarray, " d"] = getattr(connector, f"connected_{name}s")
    silent = fit.codes.count == 0
    return asdict(getattr(connector, name)) | {
        "d_sae": int(kept.size),
        "n_connected": int(kept.sum()),
        "n_dead": int(silent.sum()),
        "n_constant": int((~kept & ~silent).sum()),
    }


def _answer(summary: dict[str, Any], connector: Connector) -> list[str]:
    fvu, rows, weights = summary["fvu"], summary["rows"], summary["weights"]
    own, constant = fvu["connector"], fvu["permuted"]
    if not weights["n_weights"]:
        return [f"No weight is left: {why_empty(connector.settings)}."]
    beside = "".join(
        f" The {name} map leaves {fvu[name]['global']:.3f}, median {fvu[name]['median']:.3f}."
        for name in ("analytic", "dense")
        if name in fvu
    )
    return [
        f"{weights['n_weights']:,} of {weights['n_possible']:,} possible weights "
        f"({weights['share']:.1%}) leave {own['global']:.3f} of all variance unexplained on "
        f"{summary['tokens']['n_held_out']:,} held-out tokens.",
        f"Latent by latent the median is {own['median']:.3f}, and {own['unexplained']:.1%} of "
        f"{summary['n_judged']:,} are predicted no better than by their mean; fitted to a source "
        f"in random order, the same map leaves {constant['global']:.3f}, median "
        f"{constant['median']:.3f}.{beside}",
        f"{rows['copy']:,} rows copy one latent, {rows['or']:,} are weighted ORs, "
        f"{rows['and_not']:,} AND-NOTs, each shown on held-out tokens.",
    ]
