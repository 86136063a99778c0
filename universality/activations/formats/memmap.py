"""Activations that the jkminder fork of dictionary_learning cached: raw files and a config.

`config.json` with `d_model` and `shard_count`; `shard_<i>.memmap`, raw rows, and `shard_<i>.meta`
with shape and dtype, bfloat16 stored as int16; where tokens were stored, `tokens.pt` here or in the
folder above.
"""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from functools import partial
from pathlib import Path

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
from universality.intake.damage import damage_named
from universality.intake.fields import Fields
from universality.intake.json_files import read_mapping
from universality.intake.plain_files import check_plain
from universality.intake.tensor_files import WHOLE
from universality.naming import place_or_unknown
from universality.shapes import number_refusal


def read_memmap(folder: Path) -> ActivationCache:
    """The cache in a folder of raw files.

    Raises:
        FormatError: a file is missing or truncated, or of a number format that is not known.
    """
    config = Fields(str(folder / "config.json"), read_mapping(folder / "config.json"))
    n_shards = config.count("shard_count", least=1)
    if n_shards > len(list(folder.glob("shard_*.memmap"))):
        raise FormatError(
            f"{config.where} counts {n_shards} shards, not all are there; the cache is incomplete"
        )
    names = [f"shard_{number}.memmap" for number in range(n_shards)]
    found = [_describe(folder / name) for name in names]
    counts = [one.shape[0] for one in found]
    starts = dict(zip(names, starts_of(counts), strict=True))
    document = config.optional_count("context_len") or DOCUMENT
    return foreign_cache(
        folder,
        list(zip(names, counts, strict=True)),
        read=partial(_rows, starts=starts, document=document),
        d_in=config.count("d_model", least=1),
        dtype=found[0].dtype,
        n_documents=math.ceil(sum(counts) / document),
        context=document,
        hook_name=str(config.values.get("hook_name") or place_or_unknown(folder.name)),
    )


def _rows(path: Path, *, starts: dict[str, int], document: int) -> Rows:
    activations = _load(path)
    first = starts[path.name]
    tokens = _tokens(path.parent)
    if tokens is not None:
        tokens = tokens[first : first + len(activations)].to(torch.int32)
    return rows_of_tokens(activations, tokens, first_row=first, document=document)


@dataclass(frozen=True)
class _Raw:
    """What the `.meta` file of a shard says, checked against the shard."""

    dtype: str
    shape: tuple[int, int]


def _describe(path: Path) -> _Raw:
    meta = path.with_suffix(".meta")
    if not path.is_file() or not meta.is_file():
        raise FormatError(f"{path}: it or its .meta file is missing; the cache is incomplete")
    fields = Fields(str(meta), read_mapping(meta))
    name = fields.text("dtype").removeprefix("torch.")
    if (refused := number_refusal(name)) is not None:
        raise FormatError(f"{path}: {refused}")
    shape = fields.values.get("shape")
    if not isinstance(shape, list) or len(shape) != 2:
        raise FormatError(f"{meta}: 'shape' must be two numbers, found {repr(shape)[:60]}")
    sides = Fields(f"{meta}: shape", {"rows": shape[0], "columns": shape[1]})
    n, d = sides.count("rows", least=1), sides.count("columns", least=1)
    needed = n * d * _itemsize(name)
    if path.stat().st_size != needed:
        raise FormatError(
            f"{path}: holds {path.stat().st_size} bytes, {(n, d)} of {name} need {needed}; the "
            "file is truncated, cache it again"
        )
    return _Raw(name, (n, d))


def _load(path: Path) -> Tensor:
    raw = _describe(path)
    half = raw.dtype == "bfloat16"
    dtype = np.dtype("int16" if half else raw.dtype)
    values = torch.from_numpy(np.memmap(path, dtype=dtype, mode="c", shape=raw.shape))
    return values.view(torch.bfloat16) if half else values


def _itemsize(name: str) -> int:
    return 2 if name == "bfloat16" else np.dtype(name).itemsize


def _tokens(folder: Path) -> Tensor | None:
    for path in (folder / "tokens.pt", folder.parent / "tokens.pt"):
        if os.path.lexists(path):
            check_plain(path)
            with damage_named(path, advice="cache it again"):
                tokens = torch.load(path, weights_only=True, map_location="cpu", mmap=True)
            if not isinstance(tokens, Tensor):
                return None
            if tokens.dtype not in WHOLE:
                raise FormatError(f"{path}: must hold token ids, found {tokens.dtype}")
            return tokens.reshape(-1)
    return None
