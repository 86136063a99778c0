"""Activations in Parquet files, as `datasets` writes them: one row per token, or per sequence.

A column of lists of numbers holds the activations (of lists of such lists where a row is a
sequence), `token_ids`, `input_ids`, `tokens` or `token_id` the tokens.
"""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch

from universality.activations.cache import ActivationCache
from universality.activations.formats.foreign import (
    UNKNOWN_TOKEN,
    foreign_cache,
    rows_of_sequences,
    rows_of_tokens,
    starts_of,
)
from universality.activations.shards import Rows
from universality.errors import FormatError

_TOKENS = ("token_ids", "input_ids", "tokens", "token_id")
_INFO = "dataset_info"


def parquet_files(folder: Path) -> list[Path]:
    """The Parquet files of a folder, or of the `data` in it."""
    return sorted(folder.glob("*.parquet")) or sorted(folder.glob("data/*.parquet"))


def read_parquet(folder: Path, *, first_positions: bool = False) -> ActivationCache:
    """The cache of the only column of activations.

    Without the first position of each sequence, where rows are sequences, unless `first_positions`.

    Raises:
        FormatError: no column holds activations or several do, rows differ in length, or there are
            more or fewer rows than the files say of the data set.
    """
    files = parquet_files(folder)
    schemas = [pq.read_schema(path) for path in files]
    column, deep = _column(files[0], schemas[0])
    odd = next((p for p, one in zip(files, schemas, strict=True) if column not in one.names), None)
    if odd is not None:
        raise FormatError(f"{odd}: no column {column!r}, which {files[0].name} has")
    counts = [pq.read_metadata(path).num_rows for path in files]
    _check_count(folder, sum(counts), schemas[0])
    names = [path.relative_to(folder).as_posix() for path in files]
    starts = dict(zip([path.name for path in files], starts_of(counts), strict=True))
    read = partial(_rows, column=column, deep=deep, starts=starts, first=first_positions)
    found = [(name, read(folder / name)) for name in names]
    widths = sorted({rows.activations.shape[1] for _, rows in found})
    if len(widths) > 1:
        raise FormatError(f"{folder}: activations of different widths: {widths}")
    n_documents = sum(counts) if deep else max(int(rows.documents[-1]) for _, rows in found) + 1
    return foreign_cache(
        folder,
        [(name, len(rows)) for name, rows in found],
        read=read,
        d_in=widths[0],
        dtype=str(found[0][1].activations.dtype).removeprefix("torch."),
        n_documents=n_documents,
        context=max(int(rows.positions.max()) for _, rows in found) + 1,
        hook_name=column,
        dropped={"first_position": sum(counts)} if deep and not first_positions else {},
    )


def _column(path: Path, schema: Any) -> tuple[str, bool]:
    """The column of activations, and whether a row of it is a sequence."""
    found = [(field.name, depth) for field in schema if (depth := _depth(field.type)) in (1, 2)]
    if len(found) != 1:
        raise FormatError(
            f"{path}: one column must hold lists of floating-point numbers, found "
            f"{', '.join(name for name, _ in found) or 'none'} among {', '.join(schema.names)}"
        )
    return found[0][0], found[0][1] == 2


def _depth(kind: Any) -> int:
    """How many lists deep floating-point numbers lie; 0 for anything else."""
    depth = 0
    while (
        pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)
    ):
        kind, depth = kind.value_type, depth + 1
    return depth if pa.types.is_floating(kind) else 0


def _check_count(folder: Path, n_rows: int, schema: Any) -> None:
    """Nothing, unless `dataset_info.json` says another number of rows."""
    path = folder / f"{_INFO}.json"
    if not path.is_file():
        return
    splits = json.loads(path.read_text(encoding="utf-8")).get("splits") or {}
    said = [one["num_examples"] for one in splits.values() if isinstance(one, dict)]
    if said and sum(said) != n_rows:
        raise FormatError(
            f"{folder}: {path.name} says {sum(said):,} rows, the files hold {n_rows:,}: rows are "
            "missing or too many; download it again"
        )


def _rows(path: Path, *, column: str, deep: bool, starts: dict[str, int], first: bool) -> Rows:
    names = pq.read_schema(path).names
    tokens = next((name for name in _TOKENS if name in names), None)
    table = pq.read_table(path, columns=[column, *([tokens] if tokens else [])])
    values = _dense(path, table[column], 2 if deep else 1)
    ids = None
    if tokens:
        ids = torch.from_numpy(_dense(path, table[tokens], int(deep)).astype(np.int32))
    if not deep:
        return rows_of_tokens(torch.from_numpy(values), ids, first_row=starts[path.name])
    if ids is None:
        ids = torch.full(values.shape[:2], UNKNOWN_TOKEN, dtype=torch.int32)
    if ids.shape != values.shape[:2]:
        raise FormatError(f"{path}: {tokens} and {column} differ in length")
    return rows_of_sequences(
        torch.from_numpy(values), ids, first_sequence=starts[path.name], first_positions=first
    )


def _dense(path: Path, column: Any, depth: int) -> np.ndarray:
    """The column as an array; all its lists are of one length."""
    array, shape = column.combine_chunks(), [len(column)]
    for _ in range(depth):
        if array.null_count:
            raise FormatError(f"{path}: {array.null_count} rows are missing (null)")
        lengths = array.value_lengths().to_numpy(zero_copy_only=False)
        if not len(lengths) or lengths.min() != lengths.max():
            raise FormatError(f"{path}: rows differ in length; one width is needed")
        shape.append(int(lengths[0]))
        array = array.flatten()
    if array.null_count:
        raise FormatError(f"{path}: {array.null_count} numbers are missing (null)")
    return np.array(array.to_numpy(zero_copy_only=False)).reshape(shape)
