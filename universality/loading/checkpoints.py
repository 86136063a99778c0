"""A checkpoint on disk before it is read: a weight file, what lies beside it, what was asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, TypeAlias, final, get_args

from universality.dictionary import DirectionName
from universality.loading.configs import Config, read_config
from universality.loading.containers import open_tensors
from universality.loading.nesting import laid_bare
from universality.loading.sharded_weights import index_of, is_sharded, weight_map
from universality.loading.tensors import TensorFile

Orientation: TypeAlias = Literal["rows", "columns"]
"""Whether the decoder's directions are its rows or its columns, as stored."""

ORIENTATIONS: tuple[Orientation, ...] = get_args(Orientation)
"""Both."""


@final
@dataclass(frozen=True, eq=False)
class Request:
    """What the user asked for, beyond the place."""

    spec: str
    """The address as given."""
    name: str
    """A short name for tables and figures."""
    variant: str = ""
    """What follows the colon in `--format NAME:VARIANT`: settles what the file leaves open."""
    orientation: Orientation | None = None
    """Settles square decoders in formats that do not fix the orientation."""
    part: str = ""
    """Which dictionary of a file that holds several."""
    views: tuple[DirectionName, ...] = ("decoder", "encoder")
    """The views that are wanted; encoder tensors are read only for the encoder."""
    norm_scaling_factor: float | None = None
    """Factor on the tokens that a registry states for a checkpoint that lacks it."""
    config_overrides: Mapping[str, Any] = field(default_factory=dict)
    """What a registry states instead of the checkpoint's own configuration."""
    checked: bool = True
    """Whether every tensor that is used is checked to be finite."""
    format_named: bool = False
    """Whether the user named the format; a pickle's known classes are rebuilt only then."""


@final
@dataclass(frozen=True, eq=False)
class Checkpoint:
    """One weight file with the folder it is read in."""

    weights: Path
    """The weight file; one that is there as shards goes by the name of the whole."""
    folder: Path
    """Where its configuration is looked up."""
    request: Request
    """What the user asked for."""

    @cached_property
    def tensors(self) -> TensorFile:
        """The named tensors of the weight file; opening reads the header only."""
        return laid_bare(replace(open_tensors(self.weights), checked=self.request.checked))

    @property
    def files(self) -> tuple[Path, ...]:
        """The files its tensors lie in: itself, or the index of its shards and those."""
        if not is_sharded(self.weights):
            return (self.weights,)
        return (index_of(self.weights), *sorted(set(weight_map(self.weights).values())))

    def config(self, name: str) -> Config:
        """A JSON file of the folder; empty when it does not exist."""
        return read_config(self.folder / name)

    def has(self, *keys: str) -> bool:
        """Whether the weight file holds all these tensors."""
        return all(key in self.tensors for key in keys)
