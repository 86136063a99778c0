"""How far runs of different seeds agree while they train, from the checkpoints both saved."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import Any

import pandas as pd

from universality.intake.json_files import read_mapping
from universality.loading.addressed_runs import load
from universality.matching.assignment import match
from universality.results.trained import RECORD

_THRESHOLD = 0.7
_SEEDS = ("init_seed", "order_seed")
COLUMNS = ("a", "b", "n_tokens", "mean_similarity", "share_above_0.7")


def agreement_along_training(folder: Path) -> pd.DataFrame:
    """One row per two runs that differ in their seeds alone, and checkpoint that both saved.

    The end of a run counts as one. Columns: `a`, `b`, `n_tokens`; `mean_similarity` of the decoder
    rows assigned one to one, and the share of them at a cosine of .7 or more.
    """
    records = {path.parent: read_mapping(path) for path in sorted(folder.glob(f"*/{RECORD}"))}
    rows = [
        row
        for a, b in combinations(records, 2)
        if _differs_in_seed_alone(records[a], records[b])
        for row in _rows(a, b, records[a])
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _rows(a: Path, b: Path, record: dict[str, Any]) -> Iterator[dict[str, Any]]:
    places = {int(at.name): (at, b / "checkpoints" / at.name) for at in a.glob("checkpoints/*")}
    places[record["n_presentations"]] = (a, b)
    for n_tokens, pair in sorted(places.items()):
        if all((place / "cfg.json").is_file() for place in pair):
            found = match(*(load(place).directions() for place in pair), progress=False)
            yield {
                "a": a.name,
                "b": b.name,
                "n_tokens": n_tokens,
                "mean_similarity": found.mean,
                "share_above_0.7": float((found.similarity >= _THRESHOLD).mean()),
            }


def _differs_in_seed_alone(a: dict[str, Any], b: dict[str, Any]) -> bool:
    if a["settings"]["init_seed"] == b["settings"]["init_seed"]:
        return False
    return all(
        _without_seeds(a.get(key, {})) == _without_seeds(b.get(key, {}))
        for key in ("settings", "depends_on")
    )


def _without_seeds(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name not in _SEEDS}
