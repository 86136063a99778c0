"""The tables of docs/nulls.md on power and on worlds that fool a statistic, from their studies."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

_WIDE = 2304


def power(results: Path) -> str:
    """Power of `above_chance` by planted share and cosine, false discoveries in brackets."""
    table = pd.read_csv(results / "planted_power" / "power.csv")
    cosines = [f"{cosine:.2f}".removeprefix("0") for cosine in sorted(set(table["cosine"]))]
    lines = [f"| planted | {' | '.join(cosines)} |", "|---" * (len(cosines) + 1) + "|"]
    for fraction, cell in table.groupby("fraction"):
        found = [
            f"{row['above_chance_power']:.2f} ({row['above_chance_false']:.3f})"
            for row in cell.sort_values("cosine").to_dict("records")
        ]
        lines.append(f"| {100 * fraction:.0f} % | {' | '.join(found)} |")
    return "\n".join(lines)


def direction_worlds(results: Path) -> str:
    """What independent dictionaries show, and what is printed beside it."""
    return _worlds(results / "independent_worlds" / "directions.csv")


def firing_worlds(results: Path) -> str:
    """The same for codes."""
    return _worlds(results / "independent_worlds" / "activations.csv")


def _worlds(path: Path) -> str:
    columns = ["printed null", "own run", "above chance", "nearer than own"]
    lines = [
        f"| world | observed | {' | '.join(columns)} | at their level |",
        "|---" * (len(columns) + 3) + "|",
    ]
    table = pd.read_csv(path, keep_default_na=False)
    return "\n".join([*lines, *map(_line, table.to_dict("records"))])


def _line(row: dict[Any, Any]) -> str:
    fails = str(row["fails"]).split(", ")
    cells = {
        "printed null": _percent(row["null_at_0.5"]),
        "own run": _percent(row["own_run_at_0.5"]),
        "above chance": _percent(row["above_chance"]),
        "target-decoy": f"{row['nearer_than_own']:.2f}",
    }
    shown = [f"**{cell}**" if name in fails else cell for name, cell in cells.items()]
    world = f"{row['world']} (2,304 x 576)" if row["n"] == _WIDE else row["world"]
    holds = "all" if not row["fails"] else row["holds"] or "none"
    return f"| {world} | {_percent(row['observed_at_0.5'])} | {' | '.join(shown)} | {holds} |"


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"
