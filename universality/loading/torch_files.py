"""Torch files, read with `weights_only=True`: a pickle that wants classes is refused and named.

Nothing in such a file runs, whatever it asks for: torch's own unpickler builds only tensors and
plain containers.
"""

from __future__ import annotations

import pickle
import pickletools
import re
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from universality.errors import FormatError, UnsafeFileError
from universality.intake.damage import damage_named
from universality.loading.tensors import BARE, Entry, TensorFile, tensor_entry

_SMALL = 2**26


def open_torch(path: Path) -> TensorFile:
    """The tensors of a torch file by name; a file that is one bare tensor has it as `array`.

    Raises:
        FormatError: the file is damaged, or holds neither a mapping nor a tensor.
        UnsafeFileError: it wants classes; they are named, and nothing in it ran.
    """
    content = unpickled(path)
    if isinstance(content, Tensor):
        return from_mapping(str(path), {BARE: content})
    if not isinstance(content, Mapping):
        raise FormatError(
            f"{path} holds a {type(content).__name__}; expected named tensors (a state_dict)"
        )
    return from_mapping(str(path), content)


def unpickled(path: Path) -> Any:
    """What a torch file holds, built from tensors and plain containers only, memory-mapped.

    Classes that `torch.serialization.safe_globals` allows at the time of the call are built too.

    Raises:
        FormatError: the file is damaged.
        UnsafeFileError: it wants other classes; they are named, and nothing in it ran.
    """
    with damage_named(path), warnings.catch_warnings():
        # Torch remarks on odd pickles; whether such a file is refused is said by the errors below.
        warnings.simplefilter("ignore")
        try:
            return torch.load(
                path, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(path)
            )
        except pickle.UnpicklingError as error:
            wanted = _wanted_classes(path, str(error))
            if not wanted:
                raise
            raise UnsafeFileError(
                f"{path} is a pickle that wants {', '.join(wanted)}; it was refused and nothing "
                "in it ran. Save its state_dict with the library that wrote it, and load that"
            ) from error


def from_mapping(where: str, mapping: Mapping[Any, Any]) -> TensorFile:
    """A mapping as torch files hold them: tensors by name, and the rest beside them.

    Raises:
        FormatError: a tensor is no plain one in memory (sparse, quantised, on the meta device).
    """
    entries: dict[str, Entry] = {}
    others: dict[str, Any] = {}
    for name, value in mapping.items():
        if isinstance(value, Tensor):
            entries[str(name)] = tensor_entry(_plain(value, f"{where}: {name}"))
        else:
            others[str(name)] = value
    return TensorFile(where, entries, others)


def _plain(tensor: Tensor, where: str) -> Tensor:
    plain = type(tensor) in (Tensor, torch.nn.Parameter)
    if not plain or tensor.layout != torch.strided or tensor.device.type != "cpu":
        raise FormatError(f"{where} is no plain dense tensor")
    if tensor.is_quantized:
        raise FormatError(f"{where} is quantised; save it in a floating-point dtype")
    declared = tensor.numel() * tensor.element_size()
    if declared > max(_SMALL, tensor.untyped_storage().nbytes()):
        raise FormatError(f"{where} declares more than the file holds")
    return tensor.detach()


def _wanted_classes(path: Path, message: str) -> list[str]:
    named = set(re.findall(r"GLOBAL (\S+) was not an allowed global", message))
    with damage_named(path):
        if zipfile.is_zipfile(path):
            named |= set(torch.serialization.get_unsafe_globals_in_checkpoint(path))
        else:
            named |= _globals_of_plain_pickle(path)
    return sorted(named)[:8]


def _globals_of_plain_pickle(path: Path) -> set[str]:
    """The names a pickle outside an archive looks up, read off its opcodes without running them."""
    named: set[str] = set()
    words: list[str] = []
    try:
        with path.open("rb") as file:
            for opcode, argument, _ in pickletools.genops(file):
                if opcode.name == "GLOBAL":
                    named.add(str(argument).replace(" ", "."))
                elif opcode.name == "STACK_GLOBAL":
                    named.add(".".join(words[-2:]))
                elif isinstance(argument, str):
                    words = [*words[-1:], argument]
    except ValueError:
        pass  # what was named before the damage is enough
    return {name for name in named if not name.startswith(("torch._utils.", "collections."))}
