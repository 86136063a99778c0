"""README's one table of speed, from what `benchmarks/` measured: see `analysis.readme_numbers`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
MEASURED = ROOT / "benchmarks" / "results"

_HEAD = (
    "| CPU seconds | dense, SciPy | one plain float32 product | here |",
    "|---|---|---|---|",
)
_SMALLEST = 8_192
_DATA = {
    "planted": "",
    "unrelated": " of unrelated rows",
    "tiled": " of two seeds, tiled with noise",
    "centres": " of rows around 64 directions",
}
"""Kinds of data of `benchmarks.matching`, as the table names them."""


def speed(_: Path, measured: Path = MEASURED) -> str:
    """The table, and two sentences on what has no dense counterpart."""
    rows = [
        *_assignments(_read(measured, "matching")),
        *_correlations(_read(measured, "correlation")),
    ]
    comparisons = [_comparison(one) for one in _latest(_read(measured, "compare"))]
    studies = [_study(one) for one in _read(measured, "stability")]
    return "\n".join([*_HEAD, *rows, "", *(f"- {one}" for one in [*comparisons, *studies])])


def _assignments(found: Sequence[dict[str, Any]]) -> list[str]:
    """One row per kind of data and size, of the fewest threads that it was measured with."""
    ours = [
        (one["data"], one["n_a"], one["d"])
        for one in found
        if one["solver"] == "ours"
        and one["data"] in _DATA
        and one["n_a"] == one["n_b"] >= _SMALLEST
        and (one["d"] == 768 or one["data"] != "planted")
    ]
    rows = []
    for data, n, d in sorted(set(ours), key=lambda one: (list(_DATA).index(one[0]), one[1:])):
        alike = [one for one in found if (one["data"], one["n_a"], one["n_b"]) == (data, n, n)]
        alike = [one for one in alike if one["d"] == d]
        threads = min(one["threads"] for one in alike if one["solver"] == "ours")
        by_solver = {
            one["solver"]: one["cpu_seconds"] for one in alike if one["threads"] == threads
        }
        label = f"certified assignment{_DATA[data]}, {n:,} x {n:,}, d {d}, {_threads(threads)}"
        rows.append(_row(label, [by_solver.get(name) for name in ("scipy", "product", "ours")]))
    return rows


def _correlations(found: Sequence[dict[str, Any]]) -> list[str]:
    """One row per size and number of active latents, from the run on the most tokens."""
    alone = sorted((one for one in found if one["threads"] == 1), key=lambda one: one["n_tokens"])
    by = {
        (one["d_sae"], one["l0"], one["method"]): one["cpu_seconds_per_million_tokens"]
        for one in alone
    }
    sizes = sorted({(n, l0) for n, l0, method in by if method == "ours"})
    return [
        _row(
            f"correlation, {n:,} x {n:,}, {l0:,} active, a million tokens, 1 thread",
            [None, by.get((n, l0, "dense")), by[n, l0, "ours"]],
        )
        for n, l0 in sizes
    ]


def _latest(found: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The last measurement on the most threads, without and with activations."""
    most = max(one["threads"] for one in found)
    kinds = {one["activations"]: one for one in found if one["threads"] == most}
    return [kinds[kind] for kind in sorted(kinds)]


def _comparison(one: dict[str, Any]) -> str:
    stages = {name: kinds["wall"]["median"] for name, kinds in one["stages"].items()}
    matchings = stages["match"] + stages["own runs"]
    what = "with its activations" if one["activations"] else "by directions"
    return (
        f"`compare` of the shipped pair {what}: {_number(stages['all'])} s on "
        f"{_threads(one['threads'])}, start included; of it {_number(matchings)} s matchings of "
        f"the pair and of each run with itself, {_number(stages['nulls'])} s nulls, "
        f"{_number(stages['imports'])} s imports"
    )


def _study(one: dict[str, Any]) -> str:
    n_pairs = one["n_runs"] * (one["n_runs"] - 1) // 2
    views = " and ".join(one["views"])
    nulls = ", ".join(one.get("nulls", ["geometry"]))
    return (
        f"a study of {one['n_runs']} runs of {one['n']:,} x {one['d']} by {views}, with draws of "
        f"{nulls}: {one['ratio_to_single_matchings']:.2f} times its {n_pairs} matchings, "
        f"{one['peak_memory_gb']:.1f} GB"
    )


def _row(label: str, values: Sequence[float | None]) -> str:
    cells = ("-" if value is None else _number(value) for value in values)
    return f"| {label} | {' | '.join(cells)} |"


def _number(value: float) -> str:
    """Two digits below ten, three above."""
    if value >= 100:
        return f"{float(f'{value:.3g}'):,.0f}"
    return f"{value:.1f}"


def _threads(n: int) -> str:
    return f"{n} thread{'' if n == 1 else 's'}"


def _read(measured: Path, name: str) -> list[dict[str, Any]]:
    return list(json.loads((measured / f"{name}.json").read_text(encoding="utf-8")))
