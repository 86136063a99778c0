"""The tables of docs/rules.md on one seed for two models and on a "more stable" recipe."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

_FLOORS = {
    "untrained": "untrained",
    "frozen_decoder": "frozen",
    "soft_frozen_decoder": "soft frozen",
    "random_model": "random model",
    "same_start": "same start",
}
_VERDICTS = {"False": "void: a shared start", "True": "valid"}


def more_stable(results: Path) -> str:
    """Both recipes under every rule, with chance and floors; two numbers where these differ."""
    table = pd.read_csv(results / "more_stable" / "rules.csv").dropna(subset=["value"])
    plain, aligned = (table[table["recipe"] == name] for name in ("plain", "aligned"))
    both = plain.merge(aligned, on=["rule", "quantity"], suffixes=("", "_aligned"))
    head = ["rule", "plain", "aligned", "null", *_FLOORS.values()]
    lines = [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    for row in both.to_dict("records"):
        cells = [f"`{row['rule']}`, {row['quantity']}", *map(_short, _two(row, "value"))]
        cells.append(_short(row["null_mean"]))
        cells += [
            ", ".join(dict.fromkeys(map(_short, _two(row, f"floor_{floor}")))) for floor in _FLOORS
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def same_seed(results: Path) -> str:
    """What a comparison finds of two models, by seeds and steps, and its verdict."""
    table = pd.read_csv(results / "same_seed" / "pairs.csv")
    head = ["pair", "steps", "mean best cosine", "over .5", "best partner has the same number"]
    lines = [f"| {' | '.join(head)} | verdict |", "|---" * (len(head) + 1) + "|"]
    for row in table.to_dict("records"):
        steps = "" if pd.isna(row["steps"]) else f"{row['steps']:,.0f}"
        shares = [f"{100 * row[name]:.1f} %" for name in ("share_above_0.5", "same_number")]
        verdict = _VERDICTS.get(str(row["valid"]), "")
        cells = [row["pair"], steps, _short(row["mean_best_cosine"]), *shares, verdict]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _two(row: dict[str, float], name: str) -> tuple[float, float]:
    return row[name], row[f"{name}_aligned"]


def _short(number: float) -> str:
    if pd.isna(number):
        return ""
    text = f"{number:.3f}"
    return "1.00" if text == "1.000" else text.replace("-0.000", ".000").removeprefix("0")
