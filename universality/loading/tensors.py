"""Weight files as named tensors, read only when asked for and never by running anything in them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, final

from torch import Tensor

from universality.errors import FormatError, InvalidInputError
from universality.shapes import FLOATS, check_finite, check_range, number_refusal

BARE = "array"
"""Name given to the only tensor of a file that stores it without one."""

_NUMBERS = (*FLOATS, "int8", "int16", "int32", "int64", "uint8", "bool")


@final
@dataclass(frozen=True, eq=False)
class Entry:
    """One named tensor of a weight file, not read yet."""

    shape: tuple[int, ...]
    """Its shape, as stored."""
    dtype: str
    """Its dtype in torch's spelling, such as `float32`; else the file's own word."""
    read: Callable[[], Tensor]
    """Reads it; memory-mapped where the container allows."""
    blocks: Callable[[], Iterator[Tensor]]
    """The same rows in consecutive blocks that do not stay in memory."""


@final
@dataclass(frozen=True, eq=False)
class TensorFile:
    """The named tensors of one weight file, and what else it holds."""

    where: str
    """The file (and the entry inside it), for messages."""
    entries: Mapping[str, Entry]
    """The tensors by name."""
    others: Mapping[str, Any] = field(default_factory=dict)
    """Entries that are no tensors: numbers, words and nested mappings."""
    checked: bool = True
    """Whether every entry that is taken is checked to be finite."""
    notes: tuple[str, ...] = ()
    """How the tensors were found, where that was not plain: a sentence each."""

    def __contains__(self, name: str) -> bool:
        return name in self.entries

    def shape(self, name: str) -> tuple[int, ...]:
        """Shape of a tensor as stored, without reading it.

        Raises:
            FormatError: there is no such tensor.
        """
        return self.entry(name).shape

    def size(self, name: str, axis: int) -> int:
        """Length of one axis of a tensor as stored, without reading it.

        Raises:
            FormatError: there is no such tensor, or it has no such axis.
        """
        shape = self.shape(name)
        if not -len(shape) <= axis < len(shape):
            raise FormatError(f"{self.where}: {name} has shape {shape}, too few axes")
        return shape[axis]

    def entry(self, name: str) -> Entry:
        """The tensor's entry.

        Raises:
            FormatError: there is no such tensor; the message lists what there is.
        """
        if name not in self.entries:
            raise FormatError(
                f"{self.where} has no tensor {name!r}; it holds {listed(self.entries)}"
            )
        return self.entries[name]

    def take(self, name: str, shape: tuple[int, ...] | None = None) -> Tensor:
        """The tensor, checked: floating-point, of the shape expected, every entry finite.

        Raises:
            FormatError: it is missing, or has another shape or dtype.
            InvalidInputError: it holds NaN or infinity (the first such row is named), or numbers
                beyond the range of float32.
        """
        entry = self.entry(name)
        if shape is not None and entry.shape != shape:
            raise FormatError(f"{self.where}: {name} must have shape {shape}, found {entry.shape}")
        if (refused := number_refusal(entry.dtype)) is not None:
            raise FormatError(f"{self.where}: {name} {refused}")
        if math.prod(entry.shape) == 0:
            raise FormatError(f"{self.where}: {name} is empty, shape {entry.shape}")
        start = 0
        for block in entry.blocks() if self.checked else ():
            check_finite(block, f"{self.where}: {name}", first_row=start)
            check_range(block, f"{self.where}: {name}")
            start += block.shape[0] if block.ndim else 1
        return entry.read()

    def scalar(self, name: str) -> float:
        """The only number in a tensor, of any real dtype.

        Raises:
            FormatError: it is missing, or holds more than one number.
            InvalidInputError: the number is not finite.
        """
        entry = self.entry(name)
        if math.prod(entry.shape) != 1:
            raise FormatError(
                f"{self.where}: {name} must be a single number, found shape {entry.shape}"
            )
        if entry.dtype not in _NUMBERS:
            raise FormatError(f"{self.where}: {name} must be a real number, found {entry.dtype}")
        value = float(entry.read().reshape(()).item())
        if not math.isfinite(value):
            raise InvalidInputError(f"{self.where}: {name} is {value}")
        return value

    def renamed(self, rename: Callable[[str], str]) -> TensorFile:
        """The same tensors under other names."""
        entries = {rename(name): entry for name, entry in self.entries.items()}
        return replace(self, entries=entries)


def tensor_entry(tensor: Tensor) -> Entry:
    """The entry of a tensor that is already at hand."""
    return Entry(
        shape=tuple(tensor.shape),
        dtype=str(tensor.dtype).removeprefix("torch."),
        read=lambda: tensor,
        blocks=lambda: iter((tensor,)),
    )


def listed(names: Mapping[str, Any], *, limit: int = 8) -> str:
    """The first names in order, for a message."""
    shown = [repr(name) if not name.isprintable() else name for name in sorted(names)]
    if not shown:
        return "no tensors"
    more = f" and {len(shown) - limit} more" if len(shown) > limit else ""
    return ", ".join(name[:60] for name in shown[:limit]) + more
