"""Safetensors files, opened with the guard: a damaged one is one clear error."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from torch import Tensor

from universality.errors import FormatError
from universality.intake.damage import damage_named
from universality.intake.plain_files import check_plain

WHOLE = (torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8)
"""Number formats of token ids, positions and counts."""


@contextmanager
def opened_safetensors(path: Path, *, advice: str = "make it again") -> Iterator[Any]:
    """The file as `safetensors.safe_open` gives it; what goes wrong in the block is its damage.

    Raises:
        MissingFileError: there is no such file.
        FormatError: it is no plain file, or damaged.
    """
    check_plain(path)
    with damage_named(path, advice=advice), safe_open(path, framework="pt") as file:
        yield file


def take_whole_numbers(file: Any, name: str, path: Path) -> Tensor:
    """A tensor of whole numbers out of an opened file.

    Raises:
        FormatError: there is none of this name, or it holds something else.
    """
    tensor: Tensor = file.get_tensor(name)
    if tensor.dtype not in WHOLE:
        raise FormatError(f"{path}: {name!r} must hold whole numbers, found {tensor.dtype}")
    return tensor
