"""The saved tables as the page carries them: JSON whose columns of numbers are packed in base64."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
from markupsafe import Markup

from universality.report.evidence import evidence_data
from universality.report.packing import packed
from universality.results import GRADES, ROUNDING, Comparison, null_name, withdrawal
from universality.results.grades import BOTH_VIEWS, grade_column
from universality.results.verdict_words import page_words
from universality.results.verdicts import chance_of, with_all_grades

_VIEW_COLUMNS = (
    "nearest",
    "nearest_similarity",
    "margin",
    "runner_up",
    "own_nearest",
    "own_nearest_similarity",
    "partner",
    "partner_similarity",
    "q_value",
    "above_chance",
    "grade",
)

_ALL = "grade_all"
"""What the page calls the grade over all views."""

_EXACT = (
    "partner_similarity",
    "nearest_similarity",
    "own_nearest_similarity",
    "margin",
    "q_value",
    "p_reappears",
)
"""Columns that are held against a threshold, or written out in a verdict, keep all their bits."""


def comparison_data(result: Comparison) -> dict[str, Any]:
    """What the page of a comparison draws and lists."""
    summary, views = result.summary, list(result.summary["views"])
    curves = _curves(result.curves)
    return {
        "view": "decoder_and_encoder" if "decoder_and_encoder" in curves else views[0],
        "threshold": summary["policy"]["threshold"],
        "id": f"{summary['a']['sha256'][:16]}-{summary['b']['sha256'][:16]}",
        "names": {side: summary[side]["name"] for side in ("a", "b")},
        "withdrawal": withdrawal(summary),
        "rules": {side: summary[side]["alive_source"] for side in ("a", "b")},
        "words": page_words(),
        "chance": {side: {v: chance_of(summary, side, v) for v in views} for side in ("a", "b")},
        "bounds": [view for view in views if f"p_bound_{view}" in result.latents_a],
        "rounding": ROUNDING,
        "grades": GRADES,
        "similarity": _similarity(summary),
        "views": views,
        "nulls": {view: null_name(summary, view) for view in curves},
        "curves": curves,
        "a": _columns(result.latents_a, views, summary),
        "b": _columns(result.latents_b, views, summary),
        "pairs": {view: _pairs(result, view, views) for view in views},
        "neuronpedia": {side: summary[side].get("neuronpedia_id") for side in ("a", "b")},
        **evidence_data(result),
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
            "own": {
                run: curve[name].tolist()
                for run, name in (("a", "own_a_fraction"), ("b", "own_b_fraction"))
                if name in curve and curve[name].notna().all()
            },
        }
    return found


def _columns(latents: pd.DataFrame, views: list[str], summary: dict[str, Any]) -> dict[str, Any]:
    names = ["latent", "alive", "frequency", "decoder_norm", "p_reappears"]
    names += [f"{name}_{view}" for view in views for name in _VIEW_COLUMNS]
    names += [grade_column(BOTH_VIEWS), _ALL]
    graded = with_all_grades(latents, views, summary["policy"]["threshold"])
    table = graded.rename(columns={"grade": _ALL})
    return {
        name: packed(_plain(table[name], name), _kind(table[name], name))
        for name in names
        if name in table
    }


def _pairs(result: Comparison, view: str, views: list[str]) -> dict[str, Any]:
    """The pairs of one view's assignment, with what every view says of them."""
    pairs = result.pairs[result.pairs["view"] == view]
    columns = {other: packed(pairs[f"similarity_{other}"], "f4") for other in views}
    return {"a": packed(pairs["a"], "i4")} | columns


def _plain(column: pd.Series, name: str) -> Any:
    """Grades by their number; a flag that says nothing is no flag."""
    if name.startswith("grade_"):
        return column.map(GRADES.index)
    return column.fillna(False) if column.dtype == "boolean" else column


def _kind(column: pd.Series, name: str) -> str:
    if column.dtype in (bool, "boolean") or name.startswith("grade_"):
        return "u1"
    if np.issubdtype(column.to_numpy().dtype, np.integer):
        return "i4"
    return "f8" if name.startswith(_EXACT) else "f4"
