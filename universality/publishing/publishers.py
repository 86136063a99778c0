"""What each kind of result is as a folder: what lies beside its tables and pictures."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Generic, TypeVar, final

from universality.connectors.connecting import Connected
from universality.dictionary import Dictionary
from universality.errors import UnsupportedError
from universality.recurrence.study import consensus_of
from universality.results import Comparison, Investigation, Stability
from universality.results.connected import WEIGHTS_FILE
from universality.saving import save
from universality.storage.manifest import hash_file
from universality.toy.experiment import ToyExperiment

Made = TypeVar("Made")
Facts = dict[str, Any]


@final
@dataclass(frozen=True, eq=False)
class ManyRuns:
    """What many runs have in common, and the runs themselves."""

    result: Stability
    """What was found."""
    runs: tuple[Dictionary, ...]
    """Those that gave it, in its order; none adds no consensus."""


@final
@dataclass(frozen=True, eq=False)
class FromAssignments:
    """What precomputed assignments say of many runs, and where they lie."""

    result: Stability
    """What was found."""
    path: Path
    """The file of assignments."""


@final
@dataclass(frozen=True, eq=False)
class Publisher(Generic[Made]):
    """One kind of result as a folder."""

    write: Callable[[Made, Path], None]
    """Writes summary and tables, and whatever lies beside them; figures and page follow."""
    inputs: Callable[[Made], Facts]
    """What the result is of, by name, for the manifest."""


def _write_many(made: ManyRuns, folder: Path) -> None:
    made.result.save(folder)
    dictionary = consensus_of(made.result, made.runs) if made.runs else None
    if dictionary is not None:
        with suppress(UnsupportedError):
            save(dictionary, folder / "consensus")


def _write_connector(made: Connected, folder: Path) -> None:
    made.connection.save(folder)
    made.connector.save(folder / WEIGHTS_FILE)


def _write_toy(made: ToyExperiment, folder: Path) -> None:
    made.result.save(folder)
    save(made.truth, folder / "truth")
    for run in made.instances:
        save(run, folder / run.source.name)


PUBLISHERS: Mapping[type, Publisher[Any]] = MappingProxyType(
    {
        Comparison: Publisher(
            Comparison.save, lambda made: {side: made.summary[side] for side in ("a", "b")}
        ),
        ManyRuns: Publisher(
            _write_many, lambda made: {run["name"]: run for run in made.result.summary["runs"]}
        ),
        FromAssignments: Publisher(
            lambda made, folder: made.result.save(folder),
            lambda made: {"assignments": {"spec": str(made.path), "sha256": hash_file(made.path)}},
        ),
        Investigation: Publisher(
            Investigation.save, lambda made: {one["run"]: one for one in made.summary["subjects"]}
        ),
        Connected: Publisher(
            _write_connector,
            lambda made: {end: made.connection.summary[end] for end in ("source", "target")},
        ),
        ToyExperiment: Publisher(_write_toy, lambda _: {}),
    }
)
"""By what the work gives."""
