"""A folder of trained runs as tables: what `universality figures RUNS` draws."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

import pandas as pd

from universality.errors import FormatError, MissingFileError
from universality.intake.json_files import read_mapping

RECORD = "training_record.json"
AGREEMENT = "agreement.csv"


@final
@dataclass(frozen=True, eq=False)
class TrainedRuns:
    """The runs of a grid, from their training records."""

    cells: pd.DataFrame
    """One row per run: `cell`, `architecture`, `d_sae`, `init_seed`, `fvu`, `l0`, `dead_fraction`
    (on held-out tokens, or where there are none on the last ones shown) and `held_out`."""
    curves: pd.DataFrame
    """One row per run and point of its history: `cell`, `n_tokens`, `fvu`, `l0`,
    `dead_fraction`."""
    agreement: pd.DataFrame | None = None
    """One row per two runs that differ in their seed, and checkpoint: `a`, `b`, `n_tokens`,
    `mean_similarity` and `share_above_0.7` of the assigned decoder rows; None where nothing was
    compared."""


def read_trained_runs(folder: str | Path) -> TrainedRuns:
    """The finished runs in a folder, and how they agree if that was written beside them.

    Raises:
        MissingFileError: it holds none.
        FormatError: a record is damaged.
    """
    folder = Path(folder)
    paths = sorted(folder.glob(f"*/{RECORD}"))
    if not paths:
        raise MissingFileError(f"{folder}: holds no trained runs (no */{RECORD})")
    records = {path.parent.name: _record(path) for path in paths}
    found = folder / AGREEMENT
    return TrainedRuns(
        cells=pd.DataFrame([_cell(name, record) for name, record in records.items()]),
        curves=pd.DataFrame(
            [
                {"cell": name, **point}
                for name, record in records.items()
                for point in record["history"]
            ]
        ),
        agreement=pd.read_csv(found) if found.is_file() else None,
    )


def _record(path: Path) -> dict[str, Any]:
    try:
        record = read_mapping(path)
        _cell("", record)
    except (ValueError, KeyError, TypeError) as error:
        raise FormatError(f"{path}: not a training record ({error!r})") from error
    return record


def _cell(name: str, record: dict[str, Any]) -> dict[str, Any]:
    unseen = record.get("held_out")
    where = record if unseen is None else unseen
    settings = record["settings"]
    return {
        "cell": name,
        **{key: settings[key] for key in ("architecture", "d_sae", "init_seed")},
        **{key: where[key] for key in ("fvu", "l0", "dead_fraction")},
        "held_out": unseen is not None,
    }
