"""Grids of runs: what tells them apart, and how alike the seeds are in each cell."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pandas as pd

from universality.dictionary import Dictionary, RunKey
from universality.errors import FormatError, InvalidInputError
from universality.intake.damage import damage_named
from universality.intake.plain_files import check_plain
from universality.naming import model_key, place_key

_STEP = re.compile(r"(?:^|[/_.-])(?:step|checkpoint)s?[_-]?(\d+)", re.IGNORECASE)
_CELL = ("model_name", "hook_name", "dataset", "d_sae", "step")
_NUMBERS = ("d_sae", "seed", "step")
_LARGEST_TABLE = 64 * 2**20
_LARGEST_NUMBER = 2**63 - 1


def keyed(runs: Sequence[Dictionary], table: str | Path | None = None) -> list[Dictionary]:
    """The runs with what is known of them filled in.

    The training step is read from the address where the checkpoint does not say it
    (`.../step_1000/...`). `table` is a CSV with a column `run` (address, or name) and any of
    `model_name`, `hook_name`, `seed`, `step`, `dataset`: what it says wins.

    Raises:
        MissingFileError: there is no such table.
        FormatError: it cannot be read, has no column `run` or one that is not known.
        InvalidInputError: it names a run that is not among these.
    """
    told = _read_table(Path(table)) if table is not None else {}
    known = {name for run in runs for name in (run.source.spec, run.source.name)}
    strangers = sorted(set(told) - known)
    if strangers:
        raise InvalidInputError(
            f"{table} names {strangers[0]!r}, which is none of the runs: {', '.join(sorted(known))}"
        )
    return [_keyed(run, told) for run in runs]


def cells_of(
    runs: Sequence[RunKey], names: Sequence[str], pairs: pd.DataFrame
) -> list[dict[str, Any]]:
    """One row per cell of equal model, hook, data set, width and step, in that order.

    With the seeds in it, and for each view the mean over its pairs of `mean`, `shared` and
    `agreement`; cells of one run have no pairs and no means.
    """
    keys = dict(zip(names, runs, strict=True))
    cells: dict[tuple[Any, ...], list[str]] = {}
    spelt: dict[tuple[Any, ...], tuple[Any, ...]] = {}
    for name, key in keys.items():
        given = tuple(getattr(key, field) for field in _CELL)
        # Libraries spell one model and one place in several ways: the first spelling stands.
        meant = (model_key(key.model_name), place_key(key.hook_name), *given[2:])
        cells.setdefault(spelt.setdefault(meant, given), []).append(name)
    ordered = sorted(cells, key=lambda cell: tuple((value is not None, value) for value in cell))
    return [
        dict(zip(_CELL, cell, strict=True))
        | {"runs": cells[cell], "seeds": [keys[name].seed for name in cells[cell]]}
        | {"views": _means(pairs[pairs["a"].isin(cells[cell]) & pairs["b"].isin(cells[cell])])}
        for cell in ordered
    ]


def _means(pairs: pd.DataFrame) -> dict[str, dict[str, float | int]]:
    found: dict[str, dict[str, float | int]] = {}
    for view, rows in pairs.groupby("view", sort=False):
        columns = [name for name in ("mean", "shared", "agreement") if name in rows]
        means = {name: float(rows[name].mean()) for name in columns}
        found[str(view)] = {"n_pairs": len(rows), **{k: v for k, v in means.items() if v == v}}
    return found


def _keyed(run: Dictionary, told: dict[str, dict[str, Any]]) -> Dictionary:
    key = run.key
    if key.step is None and (found := _STEP.search(run.source.spec)):
        key = replace(key, step=int(found[1]))
    row = told.get(run.source.spec) or told.get(run.source.name) or {}
    return replace(run, key=replace(key, d_sae=run.d_sae, **row))


def _read_table(path: Path) -> dict[str, dict[str, Any]]:
    check_plain(path, largest=_LARGEST_TABLE)
    with damage_named(path, advice="give a CSV table"):
        table = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    fields = {field for field in asdict(RunKey()) if field != "d_sae"}
    unknown = sorted(set(table.columns) - fields - {"run"})
    if "run" not in table or unknown:
        what = f"the column {unknown[0]!r}" if unknown else "no column `run`"
        raise FormatError(f"{path} has {what}; it takes run, {', '.join(sorted(fields))}")
    if len(table.columns) != len(set(table.columns)) or not isinstance(table.index, pd.RangeIndex):
        raise FormatError(f"{path}: its rows have more entries than its first line names")
    rows: dict[str, dict[str, Any]] = {}
    for row in table.to_dict("records"):
        name = str(row.pop("run"))
        if name in rows:
            raise FormatError(f"{path} names the run {name!r} twice")
        rows[name] = {
            str(field): _number(value, f"{path}: {field} of {name!r}")
            if field in _NUMBERS
            else str(value)
            for field, value in row.items()
            if value != ""
        }
    return rows


def _number(text: str, what: str) -> int:
    try:
        number = int(text)
    except ValueError:
        number = -1
    if not 0 <= number <= _LARGEST_NUMBER:
        raise FormatError(f"{what} must be a whole number of at least 0, found {text[:40]!r}")
    return number
