"""The tables of a width ladder: grades of narrow and of wide latents, and the flow."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from universality.codes import Codes, token_range
from universality.recurrence.widths.ladder import Explained, Step, narrow_grades, wide_grades
from universality.results import Widths
from universality.runs.run_set import RunSet


def width_tables(runs: RunSet, steps: Sequence[Step], threshold: float) -> Widths:
    """The tables of all steps, latents by their own numbers in their runs."""
    return Widths(
        narrow=pd.concat([_narrow(runs, one, threshold) for one in steps], ignore_index=True),
        wide=pd.concat([_wide(runs, one, threshold) for one in steps], ignore_index=True),
        flow=pd.concat([_flow(runs, one, threshold) for one in steps], ignore_index=True),
    )


def width_summary(runs: RunSet, step: Step, threshold: float) -> dict[str, Any]:
    """The headline numbers of one step."""
    directions = {"narrow_to_wide": step.of_narrow, "wide_to_narrow": step.of_wide}
    return {
        "narrow": runs.names[step.narrow],
        "wide": runs.names[step.wide],
        "seeds": [runs.dictionaries[run].key.seed for run in (step.narrow, step.wide)],
        "n_narrow": len(step.of_narrow.partner),
        "n_wide": len(step.of_wide.partner),
        "greedy": {
            way: {"mean": float(one.nearest_similarity.mean()), "null_mean": one.null_mean}
            for way, one in directions.items()
        },
        "assignment": {"mean": float(np.nanmean(step.of_narrow.similarity))},
        "narrow_grades": _counts(narrow_grades(step, threshold)),
        "wide_grades": _counts(wide_grades(step, threshold)),
        "null_split_fraction": step.of_narrow.null_share_of_sums[1],
        "null_explained_fraction": step.of_wide.null_share_of_sums[0],
        "split_p": 1 / (step.n_draws + 1),
        "novel_known": step.stitching is not None,
        "novel_control": None
        if step.control is None
        else {
            "run": runs.names[step.control.run],
            "fraction": step.control.novel_fraction(threshold),
        },
    }


def _narrow(runs: RunSet, step: Step, threshold: float) -> pd.DataFrame:
    numbers, others = runs.parts[step.narrow].numbers, runs.parts[step.wide].numbers
    grades = narrow_grades(step, threshold)
    table = _latents(step.of_narrow, numbers, others)
    table.insert(1, "grade", grades)
    a, b = runs.parts[step.narrow].codes, runs.parts[step.wide].codes
    if a is not None and b is not None:
        together = [
            _cofiring(a, b, i, step.of_narrow.sums.member[i]) if grade == "split" else []
            for i, grade in enumerate(grades)
        ]
        table["member_cofiring"] = [one[1:] for one in together]
        table["any_cofiring"] = [one[0] if one else np.nan for one in together]
    return _named(table, runs, step)


def _wide(runs: RunSet, step: Step, threshold: float) -> pd.DataFrame:
    numbers, others = runs.parts[step.wide].numbers, runs.parts[step.narrow].numbers
    table = _latents(step.of_wide, numbers, others)
    table.insert(1, "grade", wide_grades(step, threshold))
    if step.stitching is not None:
        table["stitching_gain"] = step.stitching.gain
        table["stitching_z"] = step.stitching.z
    return _named(table, runs, step)


def _flow(runs: RunSet, step: Step, threshold: float) -> pd.DataFrame:
    """Wide latents by the grade of the narrow latent each comes from, and what is lost.

    A wide latent flows from its partner where it is the same, else from the first term of its
    combination, else from `nothing`; narrow latents found in none flow to `nothing`.
    """
    narrow, wide = narrow_grades(step, threshold), wide_grades(step, threshold)
    found = step.of_wide
    parent = np.where(wide == "same", found.partner, found.sums.member[:, 0])
    explained = (wide == "same") | found.beyond_null
    source = np.where(explained & (parent >= 0), narrow[parent], "nothing")
    links = pd.DataFrame({"source": source, "target": wide})
    gone = narrow[narrow == "none"]
    lost = pd.DataFrame({"source": gone, "target": "nothing"})
    counts = pd.concat([links, lost]).value_counts(["source", "target"], sort=False)
    return _named(counts.rename("n_latents").reset_index(), runs, step)


def _latents(found: Explained, numbers: np.ndarray, others: np.ndarray) -> pd.DataFrame:
    sums = found.sums
    return pd.DataFrame(
        {
            "latent": numbers,
            "partner": np.where(found.partner >= 0, others[found.partner], -1),
            "partner_similarity": found.similarity,
            "nearest_similarity": found.nearest_similarity,
            "explained_variance": sums.explained,
            "null_explained_variance": found.null_explained,
            "members": [others[row[row >= 0]].tolist() for row in sums.member],
            "coefficients": [
                values[row >= 0].tolist()
                for row, values in zip(sums.member, sums.coefficient, strict=True)
            ],
        }
    )


def _cofiring(a: Codes, b: Codes, latent: int, members: np.ndarray) -> list[float]:
    """Of the tokens on which the latent fires: on how many any member does, and each of them."""
    tokens = range(a.n_tokens)
    fires = token_range(a, tokens, latents=np.array([latent])).indices
    others = [token_range(b, tokens, latents=np.array([m])).indices for m in members[members >= 0]]
    if not fires.size:
        return [np.nan] * (len(others) + 1)
    each = [np.isin(fires, one) for one in others]
    return [float(np.any(each, axis=0).mean()), *(float(one.mean()) for one in each)]


def _counts(labels: np.ndarray) -> dict[str, int]:
    values, counts = np.unique(labels, return_counts=True)
    return dict(zip(values.tolist(), counts.tolist(), strict=True))


def _named(table: pd.DataFrame, runs: RunSet, step: Step) -> pd.DataFrame:
    table.insert(0, "wide", runs.names[step.wide])
    table.insert(0, "narrow", runs.names[step.narrow])
    return table
