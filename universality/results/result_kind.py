"""One kind of result as files: written with the summary last, read back, listed."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, final, runtime_checkable

import numpy as np
import pandas as pd

from universality.errors import MissingFileError
from universality.intake.array_files import read_arrays
from universality.intake.damage import damage_named
from universality.results.result_files import (
    SUMMARY,
    begin_saving,
    read_summary,
    read_tables,
    write_tables,
)
from universality.results.schemas import Schema
from universality.storage.json_output import write_json
from universality.storage.staged_files import staged_file


@runtime_checkable
class _Summarised(Protocol):
    @property
    def summary(self) -> dict[str, Any]: ...


@final
@dataclass(frozen=True, eq=False)
class ResultKind:
    """What a kind of result is kept as, beside its summary."""

    schema: Schema
    """What its summary says it is."""
    tables: Mapping[str, str]
    """File of each table that all results of the kind have, by field."""
    optional: Mapping[str, str] = field(default_factory=dict)
    """File of each table that some have, by field; None in the field makes no file."""
    others: tuple[str, ...] = ()
    """Files that are no tables of the result itself."""


def save_result(
    result: _Summarised,
    kind: ResultKind,
    folder: str | Path,
    *,
    others: Callable[[Path], None] = lambda _: None,
) -> None:
    """Write a result into a folder, which is made if it is missing; the summary comes last.

    Args:
        result: Its fields are named as the tables.
        kind: What it is kept as.
        folder: Where.
        others: Writes the files that are no tables of the result itself.

    Raises:
        OutputError: files of these names are there, and no result of this kind.
    """
    folder, tables = Path(folder), {**kind.tables, **kind.optional}
    begin_saving(folder, [*tables.values(), *kind.others], kind=kind.schema.kind)
    write_tables(result, tables, folder)
    others(folder)
    write_json(result.summary, folder / SUMMARY)


def read_kept(
    folder: str | Path, kind: ResultKind
) -> tuple[dict[str, Any], dict[str, pd.DataFrame]]:
    """Summary and tables of the result in a folder, as they were written.

    Raises:
        MissingFileError: the folder, or one of its files, is not there.
        FormatError: a file cannot be read, or was written by a newer version.
    """
    folder = Path(folder)
    summary = read_summary(folder, *kind.schema.read)
    always = read_tables(folder, kind.tables)
    return summary, always | read_tables(folder, kind.optional, optional=True)


def files_of(result: _Summarised, kind: ResultKind) -> list[str]:
    """Names of the summary and of the tables that a result is saved as."""
    some = [file for name, file in kind.optional.items() if getattr(result, name) is not None]
    return [SUMMARY, *kind.tables.values(), *some]


def write_arrays(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Write named arrays, compressed, in a file that is whole or absent."""
    with staged_file(path) as staged, staged.open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, **arrays)


def read_named_arrays(path: Path, names: Iterable[str]) -> dict[str, np.ndarray]:
    """The arrays of these names that `write_arrays` wrote.

    Raises:
        MissingFileError: there is no such file.
        FormatError: it cannot be read, or lacks one of them.
    """
    if not os.path.lexists(path):
        raise MissingFileError(f"the result in {path.parent} is incomplete: no {path.name}")
    with damage_named(path, advice="make the result again"):
        arrays = read_arrays(path)
        return {name: arrays[name] for name in names}
