"""The tables of docs/training.md on speed and error beside other libraries, from the benchmarks."""

from __future__ import annotations

import json
from pathlib import Path
from statistics import fmean
from typing import Any

_NO_BFLOAT16 = "dictionary-learning"
"""Has no bfloat16 on CPUs as it ships: autocast was put around it in the benchmark."""
_ROWS = (
    ("topk", 2304, "ours", "`topk`"),
    ("batchtopk", 2304, "ours", "`batchtopk`"),
    ("matryoshka", 2304, "ours", "`matryoshka`"),
    *(
        (name, 2304, ours, f"`{name}`, {when}")
        for name in ("relu", "gated", "jumprelu")
        for ours, when in (("ours", "at the start"), ("ours, 32 active", "32 active"))
    ),
    ("topk", 18_432, "ours", "`topk`, d_sae 18,432"),
)


def speed(results: Path) -> str:
    """Tokens per second of ours and of the fastest other library as it ships."""
    found = {
        (row["architecture"], row["d_sae"], row["dtype"]): row["tokens_per_second"]
        for row in _read(results, "training")["rows"]
    }
    lines = [
        "| | float32: ours, fastest other | ratio | bfloat16: ours, fastest other | ratio |",
        "|---|---|---|---|---|",
    ]
    for architecture, d_sae, ours, title in _ROWS:
        cells = [title]
        for dtype in ("float32", "bfloat16"):
            rates = found[architecture, d_sae, dtype]
            others = {name: rate for name, rate in rates.items() if not name.startswith("ours")}
            if dtype == "bfloat16":
                others.pop(_NO_BFLOAT16)
            fastest = max(others.values())
            cells += [f"{_round(rates[ours])}, {_round(fastest)}", f"{rates[ours] / fastest:.2f}"]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def error(results: Path) -> str:
    """Unexplained variance of ours and of the best other library at the L0 that ours has."""
    quality = _read(results, "training_quality")
    lines = ["| | seeds | L0 | ours | best other | ratio |", "|---|---|---|---|---|---|"]
    for row in quality["summary"]:
        name = row["architecture"]
        others = [v for by, v in row["fvu"].items() if by != "ours" and v is not None]
        best = _short(min(others)) if others else _reach(quality["runs"], name, row["l0"])
        ratio = "-" if row["ratio"] is None else f"{row['ratio']:.2f}".removeprefix("0")
        seeds = len(quality["seeds"][name])
        ours = _short(row["fvu"]["ours"])
        lines.append(f"| `{name}` | {seeds} | {row['l0']:.0f} | {ours} | {best} | {ratio} |")
    return "\n".join(lines)


def _reach(runs: list[dict[str, Any]], architecture: str, l0: float) -> str:
    """The sparsest point that any other library came to, where none is as sparse as ours."""
    points: dict[tuple[str, float], list[dict[str, Any]]] = {}
    for run in runs:
        if run["architecture"] == architecture and run["by"] != "ours":
            points.setdefault((run["by"], run["sparsity"]), []).append(run)
    means = [(fmean(r["l0"] for r in one), fmean(r["fvu"] for r in one)) for one in points.values()]
    sparsest, fvu = min(means)
    assert sparsest > l0, f"{architecture}: other libraries reach L0 {sparsest}, ours is {l0}"
    return f"{_short(fvu)} at L0 {sparsest:.0f}"


def _read(results: Path, name: str) -> dict[str, Any]:
    place = results.parents[1] / "benchmarks" / "results" / f"{name}.json"
    return dict(json.loads(place.read_text(encoding="utf-8")))


def _round(rate: float) -> str:
    return f"{round(rate, -2):,.0f}"


def _short(number: float) -> str:
    return f"{number:.3f}".removeprefix("0")
