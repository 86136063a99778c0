"""What the page of a connector draws: weights over the fit, and rows with their texts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from universality.report.evidence import AFTER, BEFORE, LONGEST
from universality.report.packing import packed
from universality.results import Connection

_STEPS = 127
_MOST_ROWS = 600


def connection_data(result: Connection) -> dict[str, Any]:
    """Frames of weights in 127ths of the largest, curves, and rows with inputs and contexts."""
    frames = result.frames
    limit = float(np.quantile(np.abs(frames.weights[-1]), 0.995)) or 1.0
    scaled = np.rint(_STEPS * frames.weights / limit).clip(-_STEPS, _STEPS)
    return {
        "frames": packed(scaled, "i1"),
        "limit": limit,
        "step": frames.step.tolist(),
        "targets": frames.targets.tolist(),
        "sources": frames.sources.tolist(),
        "fvu": [round(float(one), 4) for one in result.training["fvu"]],
        "n_weights": result.training["n_weights"].tolist(),
        "rows": _rows(result),
    }


def _rows(result: Connection) -> list[dict[str, Any]]:
    """Rows that have texts first, then those that are best explained."""
    targets = result.targets[result.targets["connected"] & (result.targets["label"] != "unread")]
    with_texts = _by_target(result.contexts)
    inputs = _by_target(result.inputs)
    order = sorted(
        targets.to_dict("records"),
        key=lambda row: (row["target"] not in with_texts, -row["evidence"], row["fvu"]),
    )
    return [
        row_data(row, inputs.get(row["target"], []), with_texts.get(row["target"], []))
        for row in order[:_MOST_ROWS]
    ]


def row_data(
    row: Mapping[Any, Any],
    inputs: Sequence[dict[str, Any]],
    texts: Sequence[dict[str, Any]],
    *,
    of: str = "",
) -> dict[str, Any]:
    """One row as the page shows it; `of` says of which connector, where there are several."""
    return {
        "of": of,
        "target": int(row["target"]),
        "label": row["label"],
        "evidence": int(row["evidence"]),
        "fvu": round(float(row["fvu"]), 4),
        "inputs": [_input(one) for one in inputs],
        "texts": [_text(one) for one in texts],
    }


def _by_target(table: pd.DataFrame | None) -> dict[int, list[dict[str, Any]]]:
    if table is None:
        return {}
    found: dict[int, list[dict[str, Any]]] = {}
    for record in table.to_dict("records"):
        found.setdefault(int(record["target"]), []).append({str(k): v for k, v in record.items()})
    return found


def _input(one: dict[str, Any]) -> dict[str, Any]:
    shown = {name: one[name] for name in one if name not in ("target", "rank")}
    return {n: round(v, 4) if isinstance(v, float) else v for n, v in shown.items()}


def _text(one: dict[str, Any]) -> dict[str, Any]:
    first = max(0, one["centre"] - BEFORE)
    window = slice(first, one["centre"] + AFTER + 1)
    codes = np.asarray(one["codes"], dtype=float)[window]
    return {
        "kind": one["kind"],
        "source": one["source"],
        "document": str(one["document"])[:LONGEST],
        "code": round(float(one["code"]), 3),
        "centre": one["centre"] - first,
        "tokens": [str(token)[:LONGEST] for token in one["tokens"][window]],
        "codes": [None if np.isnan(code) else round(float(code), 3) for code in codes],
    }
