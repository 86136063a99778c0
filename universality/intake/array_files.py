"""npy and npz files of unknown origin: what an array declares is checked before it is read."""

from __future__ import annotations

import math
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, final

import numpy as np
from numpy.lib import format as npy_format

from universality.errors import FormatError
from universality.intake.damage import damage_named
from universality.intake.plain_files import check_plain

_SMALL = 2**26
_LARGEST_RATIO = 100


@final
@dataclass(frozen=True)
class Header:
    """One array of an npz file, not unpacked yet."""

    name: str
    """Its key."""
    shape: tuple[int, ...]
    """Its shape."""
    dtype: np.dtype[Any]
    """Its number format."""


def read_headers(path: Path) -> list[Header]:
    """What each array of an npz file declares, checked against what the file holds.

    Raises:
        MissingFileError: there is no such file.
        FormatError: it is no npz file, an array declares more than there is, or unpacking would
            give over a hundred times as many bytes as are packed.
    """
    check_plain(path)
    with damage_named(path), zipfile.ZipFile(path) as archive:
        return [
            _header(archive, info, path)
            for info in _checked(archive, path)
            if info.filename.endswith(".npy")
        ]


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """Every array of an npz file, by its key.

    Raises:
        MissingFileError, FormatError: as `read_headers`.
    """
    names = [header.name for header in read_headers(path)]
    with damage_named(path), path.open("rb") as raw, np.load(raw, allow_pickle=False) as file:
        return {name: file[name] for name in names}


def read_npy(path: Path) -> np.ndarray:
    """The array in an npy file, memory-mapped, copied where it is written to.

    Raises:
        MissingFileError: there is no such file.
        FormatError: it is no npy file of plain numbers, or shorter than it declares.
    """
    check_plain(path)
    with damage_named(path):
        with path.open("rb") as file:
            shape, dtype = npy_header(file)
            beyond = path.stat().st_size - file.tell() - math.prod(shape) * dtype.itemsize
        if beyond > 0:
            raise ValueError(f"{beyond:,} bytes follow the array that its header declares")
        array: np.ndarray = np.load(path, mmap_mode="c", allow_pickle=False)
    return array


def npy_header(file: BinaryIO | Any) -> tuple[tuple[int, ...], np.dtype[Any]]:
    """Shape and dtype in the header of an opened npy file.

    Raises:
        ValueError: it is no npy file, or holds Python objects or records.
    """
    version = npy_format.read_magic(file)
    if version == (1, 0):
        shape, _, dtype = npy_format.read_array_header_1_0(file)
    else:
        shape, _, dtype = npy_format.read_array_header_2_0(file)
    if dtype.hasobject:
        raise ValueError("it holds pickled Python objects, not numbers")
    if dtype.fields is not None or dtype.subdtype is not None:
        raise ValueError("it holds records (a structured dtype), not numbers")
    return shape, dtype


def _checked(archive: zipfile.ZipFile, path: Path) -> Iterator[zipfile.ZipInfo]:
    infos = archive.infolist()
    names = [info.filename for info in infos]
    if len(set(names)) != len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise FormatError(f"{path} holds {twice!r} twice")
    unpacked = sum(info.file_size for info in infos)
    packed = sum(info.compress_size for info in infos)
    if unpacked > max(_SMALL, _LARGEST_RATIO * min(packed, path.stat().st_size)):
        raise FormatError(
            f"{path} would unpack to {unpacked:,} bytes from {packed:,}; it is damaged, or made "
            "to fill memory"
        )
    return iter(infos)


def _header(archive: zipfile.ZipFile, info: zipfile.ZipInfo, path: Path) -> Header:
    with archive.open(info) as member:
        shape, dtype = npy_header(member)
    name = info.filename.removesuffix(".npy")
    if math.prod(shape) * dtype.itemsize > info.file_size:
        raise FormatError(f"{path}: {name} declares more than the file holds")
    return Header(name, shape, dtype)
