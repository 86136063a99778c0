"""Checkpoints in several files: which of them belong together, read through their index.

Libraries that split weights write `NAME-00001-of-00002.safetensors` and so on, and
`NAME.safetensors.index.json`, whose `weight_map` says which tensor lies in which. Here the
checkpoint goes by the name it would have in one piece, `NAME.safetensors`, which does not exist.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from universality.errors import FormatError, MissingFileError
from universality.loading.configs import read_config

_SHARD = re.compile(r"(.+)-(\d{5,})-of-(\d{5,})(\.safetensors|\.bin|\.pt|\.pth)")
_INDEX = ".index.json"


def whole_name(name: str) -> str:
    """The name of the checkpoint that a file belongs to: its own, unless it is a shard or index."""
    found = _SHARD.fullmatch(name)
    if found and int(found[3]) > 1:
        return found[1] + found[4]
    return name.removesuffix(_INDEX)


def whole_names(names: Iterable[str]) -> list[str]:
    """The checkpoints that these files are, each once, in the order of their first file."""
    return list(dict.fromkeys(whole_name(name) for name in names))


def is_sharded(weights: Path) -> bool:
    """Whether a checkpoint is not there in one piece, but as shards or as their index."""
    return not weights.is_file() and (index_of(weights).is_file() or bool(_shards_of(weights)))


def index_of(weights: Path) -> Path:
    """Where the index of a checkpoint lies."""
    return weights.with_name(weights.name + _INDEX)


def weight_map(weights: Path) -> dict[str, Path]:
    """The shard of each tensor of a checkpoint that is not there in one piece.

    Raises:
        MissingFileError: the index, or a shard that it names, is missing.
        FormatError: it is no index, or names files outside its own folder.
    """
    index = index_of(weights)
    if not index.is_file():
        shards = _shards_of(weights)
        raise MissingFileError(
            f"{weights.parent}: {shards[0]} is one of several shards, and their index, "
            f"{index.name}, is missing; copy the whole checkpoint"
        )
    named = read_config(index).section("weight_map").values
    if not named or not all(isinstance(shard, str) for shard in named.values()):
        raise FormatError(f"{index}: no weight_map that says which tensor lies in which file")
    for shard in sorted(set(named.values())):
        if not is_plain(shard):
            raise FormatError(
                f"{index}: {shard!r} is no plain file name; shards lie beside their index"
            )
        if not (index.parent / shard).is_file():
            raise MissingFileError(
                f"{index} names {shard}, which is missing; copy the whole checkpoint"
            )
    return {name: index.parent / shard for name, shard in named.items()}


def is_plain(name: str) -> bool:
    """Whether a name that a file gives is that of a file in the same folder, and no path."""
    return name not in ("", ".", "..") and not set(name) & {"/", "\\", "\0"}


def _shards_of(weights: Path) -> list[str]:
    if not weights.parent.is_dir():
        return []
    names = (file.name for file in weights.parent.iterdir())
    return sorted(name for name in names if name != weights.name == whole_name(name))
