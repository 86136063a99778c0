"""The containers that hold weights as named tensors: safetensors, npz, npy and torch files."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
from torch import Tensor

from universality.errors import FormatError, UnsafeFileError
from universality.intake.array_files import npy_header, read_headers, read_npy
from universality.intake.damage import damage_named
from universality.intake.plain_files import check_plain
from universality.loading.sharded_weights import index_of, is_sharded, weight_map
from universality.loading.tensors import BARE, Entry, TensorFile
from universality.loading.torch_files import open_torch
from universality.shapes import as_tensor

_BLOCK_ENTRIES = 2**22
_SAFETENSORS_DTYPES = {
    "F16": "float16",
    "BF16": "bfloat16",
    "F32": "float32",
    "F64": "float64",
    "F8_E4M3": "float8_e4m3fn",
    "F8_E5M2": "float8_e5m2",
    "I8": "int8",
    "I16": "int16",
    "I32": "int32",
    "I64": "int64",
    "U8": "uint8",
    "BOOL": "bool",
}


def open_tensors(path: Path) -> TensorFile:
    """The tensors of a weight file by name, none of them read yet where the container allows it.

    A file that is there as shards is opened through its index.

    Raises:
        MissingFileError: there is no such file.
        FormatError: the suffix is none of `SUFFIXES`, or the file is damaged.
        UnsafeFileError: a pickle wants classes; they are named, and nothing in it ran.
    """
    if is_sharded(path):
        return _open_shards(path)
    check_plain(path)
    if path.name.endswith((".pkl.gz", ".pickle.gz")):
        raise UnsafeFileError(
            f"{path} is a compressed pickle of classes (SAELens before version 3); it is not "
            "opened. Convert it with the library that wrote it"
        )
    opener = _OPENERS.get(path.suffix.lower())
    if opener is None:
        raise FormatError(
            f"{path}: unknown kind of file {path.suffix!r}; weights come as {', '.join(SUFFIXES)}"
        )
    with damage_named(path):
        return opener(path)


def _open_shards(path: Path) -> TensorFile:
    shard_of = weight_map(path)
    opened = {shard: open_tensors(shard) for shard in sorted(set(shard_of.values()))}
    held = {name: shard for shard, file in opened.items() for name in file.entries}
    if held != shard_of:
        wrong = sorted(held.items() ^ shard_of.items())[0][0]
        raise FormatError(
            f"{index_of(path)} and its shards do not agree about {wrong!r}; copy them again"
        )
    entries = {name: opened[shard].entry(name) for name, shard in shard_of.items()}
    note = f"its tensors lie in {len(opened)} shards, put together by {index_of(path).name}"
    return TensorFile(str(path), entries, notes=(note,))


def _open_safetensors(path: Path) -> TensorFile:
    entries = {}
    with safetensors.safe_open(path, "pt") as file:
        for name in file.keys():  # noqa: SIM118 (not a mapping)
            header = file.get_slice(name)
            dtype = header.get_dtype()
            shape = tuple(header.get_shape())
            entries[name] = _safetensors_entry(path, name, shape, dtype)
    return TensorFile(str(path), entries)


def _safetensors_entry(path: Path, name: str, shape: tuple[int, ...], dtype: str) -> Entry:
    def read() -> Tensor:
        with damage_named(path), safetensors.safe_open(path, "pt") as file:
            tensor: Tensor = file.get_tensor(name)
            return tensor

    def rows(start: int, stop: int) -> Tensor:
        # Opened again for each block: closing the file gives its pages back.
        with damage_named(path), safetensors.safe_open(path, "pt") as file:
            block: Tensor = file.get_slice(name)[start:stop]
            return block

    known = _SAFETENSORS_DTYPES.get(dtype, dtype)
    return Entry(shape, known, read, lambda: _blocks(shape, read, rows))


def _open_npz(path: Path) -> TensorFile:
    entries = {
        one.name: _npz_entry(path, one.name, one.shape, one.dtype) for one in read_headers(path)
    }
    return TensorFile(str(path), entries)


def _npz_entry(path: Path, name: str, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Entry:
    def read() -> Tensor:
        with damage_named(path), np.load(path, allow_pickle=False) as archive:
            return as_tensor(archive[name], f"{path}: {name}")

    return Entry(shape, dtype.name, read, lambda: iter((read(),)))


def _open_npy(path: Path) -> TensorFile:
    with path.open("rb") as file:
        shape, dtype = npy_header(file)

    def read() -> Tensor:
        with damage_named(path):
            return as_tensor(read_npy(path), str(path))

    def rows(start: int, stop: int) -> Tensor:
        with damage_named(path):
            block = np.load(path, mmap_mode="r", allow_pickle=False)[start:stop]
            return as_tensor(np.array(block), str(path))

    entry = Entry(shape, dtype.name, read, lambda: _blocks(shape, read, rows))
    return TensorFile(str(path), {BARE: entry})


def _blocks(
    shape: tuple[int, ...], read: Callable[[], Tensor], rows: Callable[[int, int], Tensor]
) -> Iterator[Tensor]:
    if math.prod(shape) <= _BLOCK_ENTRIES:
        yield read()
        return
    step = max(1, _BLOCK_ENTRIES // math.prod(shape[1:]))
    for start in range(0, shape[0], step):
        yield rows(start, min(start + step, shape[0]))


_OPENERS: dict[str, Callable[[Path], TensorFile]] = {
    ".safetensors": _open_safetensors,
    ".npz": _open_npz,
    ".npy": _open_npy,
    ".pt": open_torch,
    ".pth": open_torch,
    ".bin": open_torch,
    ".pkl": open_torch,
}
SUFFIXES = tuple(_OPENERS)
"""Suffixes of files that may hold weights."""
