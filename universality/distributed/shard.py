"""Which part of the tiles a worker takes: i of n, counted from 0, as launchers count."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar, final

from universality.errors import InvalidInputError

_Item = TypeVar("_Item")

LAUNCHERS: Mapping[str, tuple[str, str]] = {
    "torchrun": ("RANK", "WORLD_SIZE"),
}
"""Variables in which a launcher says which of its processes this is, and how many there are."""


@final
@dataclass(frozen=True)
class Shard:
    """Part i of n."""

    number: int = 0
    """From 0."""
    of: int = 1
    """How many there are."""

    def __post_init__(self) -> None:
        if not 0 <= self.number < self.of:
            raise InvalidInputError(
                f"--shard {self}: shards of {self.of} are numbered 0 to {self.of - 1}"
                if self.of > 0
                else f"--shard {self}: there must be at least one shard"
            )

    def __str__(self) -> str:
        return f"{self.number}/{self.of}"

    def part(self, items: Sequence[_Item]) -> list[_Item]:
        """Every n-th of the items, from the i-th on: neighbours, which cost alike, go apart."""
        return list(items[self.number :: self.of])


def shard_from(text: str) -> Shard:
    """The shard that `i/n` says.

    Raises:
        InvalidInputError: it is no such text, or i is not below n.
    """
    number, _, of = text.partition("/")
    try:
        return Shard(int(number), int(of))
    except ValueError as error:
        if isinstance(error, InvalidInputError):
            raise
        raise InvalidInputError(
            f"--shard takes i/n, such as 0/4 for the first of four, got {text!r}"
        ) from error


def shard_of_launcher(environment: Mapping[str, str] | None = None) -> Shard | None:
    """The shard that torchrun gives to this process; None where it did not start it.

    Raises:
        InvalidInputError: its variables say no shard.
    """
    found = os.environ if environment is None else environment
    number, of = LAUNCHERS["torchrun"]
    if number not in found or of not in found:
        return None
    return shard_from(f"{found[number]}/{found[of]}")
