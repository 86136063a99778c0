"""Activations that SAELens cached: a folder of Arrow files, one row per sequence.

`CacheActivationsRunner` writes a `datasets` folder with `token_ids` and one column named after the
hook, sequences of (context, d_in).
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import torch

from universality.activations.cache import ActivationCache
from universality.activations.formats.foreign import (
    UNKNOWN_TOKEN,
    foreign_cache,
    rows_of_sequences,
    starts_of,
)
from universality.activations.shards import Rows
from universality.errors import FormatError
from universality.intake.fields import Fields
from universality.intake.json_files import read_mapping

_TOKENS = "token_ids"


def read_sae_lens(folder: Path, *, first_positions: bool = False) -> ActivationCache:
    """The cache that SAELens' `CacheActivationsRunner` wrote.

    Without the first position of each sequence, unless `first_positions`.

    Raises:
        FormatError: the folder lacks its columns, or a file is truncated.
    """
    state = Fields(str(folder / "state.json"), read_mapping(folder / "state.json"))
    names = [one.plain_name("filename") for one in state.sections("_data_files")]
    features = read_mapping(folder / "dataset_info.json")["features"]
    hook = next((name for name in features if name != _TOKENS), None)
    if hook is None or "shape" not in features[hook]:
        raise FormatError(
            f"{folder}: no column of activations beside {_TOKENS} in dataset_info.json"
        )
    context, d_in = features[hook]["shape"]
    shape = (int(context), int(d_in))
    counts = [_table(folder / name, hook).num_rows for name in names]
    starts = dict(zip(names, starts_of(counts), strict=True))
    length = shape[0] - (not first_positions)
    return foreign_cache(
        folder,
        [(name, count * length) for name, count in zip(names, counts, strict=True)],
        read=partial(_rows, hook=hook, shape=shape, starts=starts, first_positions=first_positions),
        d_in=shape[1],
        dtype=str(features[hook]["dtype"]),
        n_documents=sum(counts),
        context=shape[0],
        hook_name=hook,
        dropped={} if first_positions else {"first_position": sum(counts)},
    )


def _rows(
    path: Path,
    *,
    hook: str,
    shape: tuple[int, int],
    starts: dict[str, int],
    first_positions: bool,
) -> Rows:
    table = _table(path, hook)
    values = _flat(table[hook]).reshape(-1, *shape)
    known = _TOKENS in table.column_names
    tokens = _flat(table[_TOKENS]) if known else np.full(values.shape[:2], UNKNOWN_TOKEN)
    return rows_of_sequences(
        torch.from_numpy(values),
        torch.from_numpy(tokens.astype(np.int32).reshape(-1, shape[0])),
        first_sequence=starts[path.name],
        first_positions=first_positions,
    )


def _table(path: Path, hook: str) -> Any:
    try:
        with pa.memory_map(str(path)) as source:
            table = pa.ipc.open_stream(source).read_all()
    except (OSError, pa.ArrowInvalid) as error:
        raise FormatError(f"{path}: not a readable Arrow file ({error}); cache it again") from error
    if hook not in table.column_names:
        raise FormatError(f"{path}: no column {hook!r}, it has {', '.join(table.column_names)}")
    return table


def _flat(column: Any) -> np.ndarray:
    array = column.combine_chunks()
    if isinstance(array, pa.ChunkedArray):
        array = pa.concat_arrays(array.chunks)
    while not (pa.types.is_integer(array.type) or pa.types.is_floating(array.type)):
        array = array.storage if isinstance(array, pa.ExtensionArray) else array.flatten()
    return np.array(array.to_numpy(zero_copy_only=False))
