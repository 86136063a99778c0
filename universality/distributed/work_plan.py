"""A plan: a command, what it reads, and the tiles that its work is cut into.

Tiles follow from the command and its inputs alone, never from the number of workers. The plan's
hash is in the note of every finished tile, so that what was made for another plan is never taken.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, TypeAlias, final, get_args

from universality._version import __version__
from universality.errors import FormatError, InvalidInputError, MissingFileError, OutputError
from universality.intake.fields import Fields
from universality.intake.json_files import read_mapping
from universality.runs.policy import Policy
from universality.storage.dependencies import as_noted, differences, digest
from universality.storage.json_output import write_json
from universality.storage.staging import is_free, staged_folder

PLAN = "plan.json"
"""The file that makes a folder a plan."""
WORK, DONE, LOCKS = "work", "done", "locks"
"""Folders beside it: what tiles hold, a note for each that is finished, and locks."""

_SCHEMA = "universality.plan/1"
_LARGEST = 2**28

Kind: TypeAlias = Literal["codes", "match", "own run", "draw", "pair", "folds", "verdict", "ladder"]
"""What a tile is: the codes of a run; two runs matched in one view; a run matched with itself in
one view; a draw of a null; what every view says of the pairs of two runs; those pairs on documents
they were not found on; what is said of two runs of many; a search between two widths."""


@final
@dataclass(frozen=True)
class Tile:
    """One unit of work, whose result is in files that are named by what they depend on."""

    kind: Kind
    """What it is."""
    runs: tuple[int, ...]
    """Numbers of the runs that it is of."""
    what: str = ""
    """Which of its kind: a view, the name of a draw."""
    cost: float = 0.0
    """About how many billions of multiplications it takes."""

    @property
    def name(self) -> str:
        """What tells it from the others of its plan, and says it to people."""
        runs = "-".join(map(str, self.runs))
        return " ".join(part for part in (self.kind, self.what, runs) if part)


@final
@dataclass(frozen=True, eq=False)
class WorkPlan:
    """A command of two runs or of many, and the tiles of its work."""

    command: Literal["compare", "stability"]
    """Which."""
    arguments: Mapping[str, Any]
    """What it is called with beside the policy, as JSON has it: addresses, not objects."""
    policy: Policy
    """What was decided beforehand."""
    inputs: Mapping[str, str]
    """Hash of each run and cache that is read."""
    threads: int
    """Threads of a tile: other numbers of them may round otherwise."""
    device: str
    """Kind of device, for the same reason."""
    tiles: tuple[Tile, ...]
    """All of them, in the order in which they are dealt to shards."""
    words: tuple[str, ...] = ()
    """The planned command as it was typed, without its `--out`."""
    version: str = __version__
    """Of this package."""

    @cached_property
    def sha256(self) -> str:
        """Hash of all of it."""
        return digest(_content(self))


def write_plan(plan: WorkPlan, folder: Path) -> bool:
    """Whether the plan was written; not where it stands there already.

    Raises:
        OutputError: the folder holds another plan, or anything else, or cannot be written.
    """
    if (folder / PLAN).exists():
        _check_same(read_plan(folder), plan, folder)
        return False
    if not is_free(folder):
        raise OutputError(f"{folder} exists and is no plan; choose another --out")
    with staged_folder(folder) as staged:
        write_json(_content(plan) | {"sha256": plan.sha256}, staged / PLAN)
    return True


def read_plan(folder: Path) -> WorkPlan:
    """The plan in a folder.

    Raises:
        MissingFileError: there is none.
        FormatError: it is damaged, was changed, or is of another version of this package.
    """
    path = folder / PLAN
    if not path.exists():
        raise MissingFileError(
            f"{folder} holds no {PLAN}; make a plan first: universality plan compare A B --out "
            f"{folder}"
        )
    content = read_mapping(path, largest=_LARGEST)
    fields = Fields(str(path), content)
    if fields.text("schema") != _SCHEMA:
        raise FormatError(f"{path} is no plan of this program ({_SCHEMA})")
    if fields.text("version") != __version__:
        raise FormatError(
            f"{path} was made by version {fields.text('version')}, this is {__version__}: use one "
            "version for a plan, or plan anew in another folder"
        )
    try:
        plan = _plan_from(fields)
    except (TypeError, InvalidInputError) as error:
        raise FormatError(f"{path} is damaged ({error}); plan anew in another folder") from error
    if plan.sha256 != fields.text("sha256"):
        raise FormatError(
            f"{path} was changed since it was written; its tiles would be of nothing that it says: "
            "plan anew in another folder"
        )
    return plan


def _check_same(there: WorkPlan, plan: WorkPlan, folder: Path) -> None:
    if there.sha256 == plan.sha256:
        return
    found = differences(as_noted(_content(there)), _content(plan))
    raise OutputError(
        f"{folder} holds another plan: {'; '.join(found)}; choose another --out, or delete {folder}"
    )


def _content(plan: WorkPlan) -> dict[str, Any]:
    return {
        "schema": _SCHEMA,
        "version": plan.version,
        "command": plan.command,
        "arguments": dict(plan.arguments),
        "policy": asdict(plan.policy),
        "inputs": dict(plan.inputs),
        "threads": plan.threads,
        "device": plan.device,
        "words": list(plan.words),
        "tiles": [asdict(tile) for tile in plan.tiles],
    }


def _plan_from(fields: Fields) -> WorkPlan:
    command = fields.text("command")
    if command not in ("compare", "stability"):
        raise FormatError(f"{fields.where}: no command {command!r} can be planned")
    return WorkPlan(
        command="compare" if command == "compare" else "stability",
        arguments=fields.mapping("arguments"),
        policy=_policy_from(fields.mapping("policy")),
        inputs={name: str(value) for name, value in fields.mapping("inputs").items()},
        threads=fields.count("threads", least=1),
        device=fields.text("device"),
        tiles=tuple(_tile_from(tile) for tile in fields.sections("tiles")),
        words=tuple(str(word) for word in _listed(fields, "words")),
        version=fields.text("version"),
    )


def _policy_from(values: Mapping[str, Any]) -> Policy:
    """JSON has lists where a policy has tuples."""
    plain: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in values.items()
    }
    return Policy(**plain)


def _tile_from(fields: Fields) -> Tile:
    kind = next((kind for kind in get_args(Kind) if kind == fields.text("kind")), None)
    if kind is None:
        raise FormatError(f"{fields.where}: no tile is of the kind {fields.text('kind')!r}")
    runs = tuple(int(run) for run in _listed(fields, "runs"))
    return Tile(kind, runs, fields.text("what"), fields.number("cost"))


def _listed(fields: Fields, key: str) -> Sequence[Any]:
    found = fields.values.get(key)
    if not isinstance(found, list):
        raise FormatError(f"{fields.where}: {key} must be a list")
    return found
