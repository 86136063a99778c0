"""The saved tables as the page carries them: JSON whose columns of numbers are packed in base64."""

from __future__ import annotations

import base64
import json
from typing import Any

import numpy as np
import pandas as pd
from markupsafe import Markup

from universality.results import Comparison, Stability

BEFORE, AFTER = 10, 5
"""Tokens that the page shows around the one on which a latent fires."""

_CONTEXT = ("a", "b", "kind", "code_a", "code_b", "overlap", "n_only_a", "n_only_b")

_EXACT = ("partner_similarity", "nearest_similarity")
"""Columns that a threshold is held against keep all their bits."""


def comparison_data(result: Comparison) -> dict[str, Any]:
    """What the page of a comparison draws and lists."""
    summary, views = result.summary, list(result.summary["views"])
    curves = _curves(result.curves)
    return {
        "view": "decoder_and_encoder" if "decoder_and_encoder" in curves else views[0],
        "threshold": summary["policy"]["threshold"],
        "similarity": _similarity(summary),
        "views": dict.fromkeys(views, True),
        "curves": curves,
        "a": _columns(result.latents_a, views),
        "b": _columns(result.latents_b, views),
        "pairs": {f"{views[0]}_{other}": _pairs(result, views[0], other) for other in views[1:]},
        "contexts": _contexts(result.evidence),
        "neuronpedia": {side: summary[side].get("neuronpedia_id") for side in ("a", "b")},
    }


def stability_data(result: Stability) -> dict[str, Any]:
    """What the page of many runs draws and lists."""
    summary = result.summary
    rule = summary["headline_rule"]
    return {
        "rule": rule,
        "runs": [run if isinstance(run, str) else run["name"] for run in summary["runs"]],
        "pairs": _records(result.pairs),
        "spectrum": summary["spectrum"],
        "only_in_one": summary["only_in_one_by_view"],
        "families": _records(result.families),
        "members": _members(result.latents),
        "flow": [] if result.widths is None else _records(result.widths.flow),
    }


def embed(data: Any) -> Markup:
    """Data as JSON that nothing in it can break out of, whatever its texts say."""
    text = json.dumps(data, allow_nan=False, ensure_ascii=True, separators=(",", ":"))
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)


def _similarity(summary: dict[str, Any]) -> str:
    kind = "similarity" if "activations" in summary["views"] else "cosine"
    return kind if summary["policy"]["signed"] else f"absolute {kind}"


def _curves(curves: pd.DataFrame) -> dict[str, Any]:
    found = {}
    for view, curve in curves[curves["rule"] == "assignment"].groupby("view", sort=False):
        found[str(view)] = {
            "threshold": curve["threshold"].tolist(),
            "count": curve["count"].tolist(),
            "denominator": int(curve["denominator"].iloc[0]),
            "fraction": curve["fraction"].tolist(),
            "null": curve["null_fraction"].tolist(),
            "sd": curve["null_sd"].fillna(0).tolist(),
        }
    return found


def _columns(latents: pd.DataFrame, views: list[str]) -> dict[str, Any]:
    wanted = ["nearest", "nearest_similarity", "margin", "partner", "partner_similarity", "q_value"]
    names = ["latent", "alive", "frequency", "decoder_norm"]
    names += [f"{name}_{view}" for view in views for name in wanted]
    return {name: _packed(latents[name], name) for name in names if name in latents}


def _pairs(result: Comparison, across: str, up: str) -> dict[str, Any]:
    pairs = result.pairs[result.pairs["view"] == across]
    columns = {"a": "a", "across": f"similarity_{across}", "up": f"similarity_{up}"}
    return {name: _packed(pairs[column], column) for name, column in columns.items()}


def _packed(column: pd.Series, name: str) -> dict[str, str]:
    values = column.to_numpy()
    if values.dtype == bool:
        kind = "u1"
    elif np.issubdtype(values.dtype, np.integer):
        kind = "i4"
    else:
        kind = "f8" if name.startswith(_EXACT) else "f4"
    little_endian = np.ascontiguousarray(values.astype(f"<{kind}"))
    return {"kind": kind, "base64": base64.b64encode(little_endian.tobytes()).decode("ascii")}


def _contexts(evidence: pd.DataFrame | None) -> list[dict[str, Any]]:
    if evidence is None:
        return []
    records = _records(evidence[list(_CONTEXT)].round(4))
    for record, tokens, centre in zip(
        records, evidence["tokens"], evidence["centre"].tolist(), strict=True
    ):
        start = max(0, centre - BEFORE)
        record["tokens"] = [str(token) for token in tokens[start : centre + AFTER + 1]]
        record["centre"] = centre - start
    return records


def _members(latents: pd.DataFrame) -> dict[str, dict[str, list[list[Any]]]]:
    members: dict[str, dict[str, list[list[Any]]]] = {}
    for name in latents.columns[latents.columns.str.startswith("family_")]:
        some = latents.loc[latents[name] >= 0, [name, "run", "latent"]]
        by_family: dict[str, list[list[Any]]] = {}
        for family, run, latent in some.itertuples(index=False):
            by_family.setdefault(str(family), []).append([str(run), int(latent)])
        members[name.removeprefix("family_")] = by_family
    return members


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    return [dict(row) for row in json.loads(table.to_json(orient="records", double_precision=6))]
