"""Activations that the jkminder fork of dictionary_learning cached: raw files and a config.

`config.json` with `d_model` and `shard_count`; `shard_<i>.memmap`, raw rows, and `shard_<i>.meta`
with shape and dtype, bfloat16 stored as int16; where tokens were stored, `tokens.pt` here or in the
folder above.
"""

from __future__ import annotations

import math
import pickle
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from universality.activations.cache import ActivationCache
from universality.activations.formats.foreign import (
    DOCUMENT,
    foreign_cache,
    rows_of_tokens,
    starts_of,
)
from universality.activations.shards import Rows
from universality.errors import FormatError
from universality.intake.json_files import read_mapping
from universality.naming import place_or_unknown


def read_memmap(folder: Path) -> ActivationCache:
    """The cache in a folder of raw files.

    Raises:
        FormatError: a file is missing or truncated, or of a number format that is not known.
    """
    config = read_mapping(folder / "config.json")
    names = [f"shard_{number}.memmap" for number in range(int(config["shard_count"]))]
    metas = [_meta(folder / name) for name in names]
    counts = [int(meta["shape"][0]) for meta in metas]
    starts = dict(zip(names, starts_of(counts), strict=True))
    document = int(config.get("context_len") or DOCUMENT)
    return foreign_cache(
        folder,
        list(zip(names, counts, strict=True)),
        read=partial(_rows, starts=starts, document=document),
        d_in=int(config["d_model"]),
        dtype=str(metas[0]["dtype"]).removeprefix("torch."),
        n_documents=math.ceil(sum(counts) / document),
        context=document,
        hook_name=str(config.get("hook_name") or place_or_unknown(folder.name)),
    )


def _rows(path: Path, *, starts: dict[str, int], document: int) -> Rows:
    activations = _load(path)
    first = starts[path.name]
    tokens = _tokens(path.parent)
    if tokens is not None:
        tokens = tokens[first : first + len(activations)].to(torch.int32)
    return rows_of_tokens(activations, tokens, first_row=first, document=document)


def _meta(path: Path) -> dict[str, Any]:
    meta = path.with_suffix(".meta")
    if not path.is_file() or not meta.is_file():
        raise FormatError(f"{path}: it or its .meta file is missing; the cache is incomplete")
    return read_mapping(meta)


def _load(path: Path) -> Tensor:
    meta = _meta(path)
    name = str(meta["dtype"]).removeprefix("torch.")
    half = name == "bfloat16"
    try:
        dtype = np.dtype("int16" if half else name)
    except TypeError as error:
        raise FormatError(f"{path}: unknown number format {name!r}") from error
    shape = tuple(int(n) for n in meta["shape"])
    if path.stat().st_size != math.prod(shape) * dtype.itemsize:
        raise FormatError(
            f"{path}: holds {path.stat().st_size} bytes, {shape} of {name} need "
            f"{math.prod(shape) * dtype.itemsize}; the file is truncated, cache it again"
        )
    values = torch.from_numpy(np.memmap(path, dtype=dtype, mode="c", shape=shape))
    return values.view(torch.bfloat16) if half else values


def _tokens(folder: Path) -> Tensor | None:
    for path in (folder / "tokens.pt", folder.parent / "tokens.pt"):
        if path.is_file():
            try:
                tokens = torch.load(path, weights_only=True, map_location="cpu", mmap=True)
            except (pickle.UnpicklingError, RuntimeError) as error:
                raise FormatError(f"{path}: not a file of token ids ({error})") from error
            return tokens.reshape(-1) if isinstance(tokens, Tensor) else None
    return None
