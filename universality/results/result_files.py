"""The files of a result: JSON and tables, written to a folder and read back, or refused by name."""

from __future__ import annotations

import html
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from universality.errors import FormatError, MissingFileError, OutputError
from universality.intake.damage import damage_named
from universality.intake.json_files import read_mapping
from universality.intake.names import visible
from universality.intake.plain_files import check_plain
from universality.storage.dependencies import read_note
from universality.storage.owned import in_words
from universality.storage.recovery import recover
from universality.storage.staged_files import staged_file

SUMMARY = "summary.json"
"""Where the headline numbers lie in the folder of a result."""

_LARGEST_SUMMARY = 2**30
_NAMES = ("a", "b", "c", "view", "rule", "base_run", "narrow", "wide", "source", "target", "run")
"""Columns of CSV tables that hold names, whatever they look like."""


def begin_saving(folder: Path, files: Iterable[str], *, kind: str) -> None:
    """Make a folder ready for the files of a result, which end with its summary.

    An earlier result there that says it is of the same kind is taken away, file by file: no table
    of one result stays beside those of another.

    Args:
        folder: Where; made if it is missing.
        files: Every file that a result of this kind may have, beside the summary.
        kind: What the schema of its summary is called, without its number.

    Raises:
        OutputError: files of these names are there, and no such result.
    """
    folder.mkdir(parents=True, exist_ok=True)
    taken = [name for name in (SUMMARY, *files) if os.path.lexists(folder / name)]
    noted = read_note(folder / SUMMARY) or {}
    if taken and not str(noted.get("schema", "")).startswith(f"{kind}/"):
        raise OutputError(
            f"{folder} holds {in_words(taken)}, and no result of this kind; choose another folder, "
            "or move them away"
        )
    for name in taken:
        (folder / name).unlink()


def write_tables(result: object, files: Mapping[str, str], folder: Path) -> None:
    """Write the tables of a result, by the names of its fields; a None makes no file."""
    for name, file in files.items():
        table = getattr(result, name)
        if table is None:
            continue
        with staged_file(folder / file) as staged:
            if file.endswith(".csv"):
                table.to_csv(staged, index=False)
            else:
                table.to_parquet(staged, index=False)


def read_tables(
    folder: Path, files: Mapping[str, str], *, optional: bool = False
) -> dict[str, pd.DataFrame]:
    """The tables by name; those without a file are left out if that is `optional`.

    Raises:
        MissingFileError: a file is not there.
        FormatError: a file cannot be read.
    """
    return {
        name: _read_table(folder / file)
        for name, file in files.items()
        if not optional or (folder / file).exists()
    }


def read_summary(folder: Path, *expected: str) -> dict[str, Any]:
    """The summary of the result in a folder.

    Raises:
        MissingFileError: there is none.
        FormatError: it cannot be read, or has another schema than those expected.
    """
    path = folder / SUMMARY
    if not folder.exists():
        recover(folder.parent)
    if not os.path.lexists(path):
        raise MissingFileError(
            f"{path.parent} holds no result: {path.name} is missing; make one with "
            "`universality compare A B --out DIR` or `universality stability RUN... --out DIR`"
        )
    summary = read_mapping(path, largest=_LARGEST_SUMMARY)
    schema = summary.get("schema")
    if schema not in expected:
        raise FormatError(
            f"{path} has schema {schema!r}, this version reads "
            f"{' or '.join(map(repr, expected))}; "
            "remake the result or install the version that wrote it"
        )
    return summary


def three_lines(*texts: str) -> str:
    """A result in print: three lines, with what names could do to a terminal made visible."""
    return "\n".join(visible(text) for text in texts)


def sentences(texts: Sequence[str]) -> str:
    """HTML that shows each text as a paragraph."""
    return "".join(f"<p>{html.escape(text)}</p>" for text in texts)


def _read_table(path: Path) -> pd.DataFrame:
    if not os.path.lexists(path):
        raise MissingFileError(f"the result in {path.parent} is incomplete: no {path.name}")
    check_plain(path)
    with damage_named(path, advice="remake the result"):
        return _read_csv(path) if path.suffix == ".csv" else pd.read_parquet(path)


def _read_csv(path: Path) -> pd.DataFrame:
    """The table, in which a run called 1, or NA, is still called that."""
    columns = [str(name) for name in pd.read_csv(path, nrows=0)]
    return pd.read_csv(
        path,
        dtype={name: str for name in columns if name in _NAMES},
        keep_default_na=False,
        na_values={name: [""] for name in columns if name not in _NAMES},
    )
