"""From a command to its plan: what it would be called with, opened once to see what it is of."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, assert_never

import torch

from universality.comparison.comparison import compare
from universality.compute.devices import resolve_device
from universality.distributed.planned_runs import PlannedRuns, open_planned
from universality.distributed.tiles_of_plan import tiles_of
from universality.distributed.work_plan import WorkPlan, write_plan
from universality.errors import InvalidInputError
from universality.recurrence.study import stability
from universality.runs.policy import POLICY, Policy
from universality.storage.places import check_holds_no_input, real_place
from universality.validation import PATH, TEXT, Is, Number, OneOf, Several, either, takes

COMMANDS = ("compare", "stability")
"""What can be planned."""

_OF_PLAN = ("policy", "store", "codes")


@takes(
    command=OneOf(COMMANDS),
    arguments=Is((Mapping,), "a mapping of names to arguments"),
    folder=PATH,
    policy=POLICY,
    threads=either(Number(1, whole=True), None),
    words=Several(TEXT, least=0),
)
def plan_work(
    command: Literal["compare", "stability"],
    arguments: Mapping[str, Any],
    folder: str | Path,
    *,
    policy: Policy | None = None,
    threads: int | None = None,
    words: Sequence[str] = (),
) -> WorkPlan:
    """The plan of a comparison or study, written into a folder for workers to fill.

    Nothing is encoded or matched. The same plan again is the same folder; another is refused.

    Args:
        command: Which function is planned.
        arguments: What it would be called with beside the policy, by name: addresses and paths,
            since other processes open them too.
        folder: Where the plan is made, and its tiles will lie.
        policy: What was decided beforehand.
        threads: Threads of each tile; as many as torch has here if None. The result is the bytes of
            the plain call with as many threads.
        words: The command as it was typed, for the result's manifest.

    Raises:
        InvalidInputError: an argument is none of the function, or is no address; otherwise as the
            function.
        MissingFileError, FormatError, UnsafeFileError: as the function.
        OutputError: the folder holds another plan, anything else, or an input.
    """
    policy = policy or Policy()
    given = _addresses(command, arguments)
    place = real_place(Path(folder))
    check_holds_no_input(place, addresses_in(given))
    planned = open_planned(command, given, policy)
    plan = WorkPlan(
        command=command,
        arguments=given,
        policy=policy,
        inputs=planned.inputs,
        threads=threads or torch.get_num_threads(),
        device=resolve_device(policy.device).type,
        tiles=tiles_of(command, planned),
        words=tuple(words),
    )
    write_plan(plan, place)
    return plan


def opened_plan(plan: WorkPlan) -> PlannedRuns:
    """The runs and caches of a plan."""
    return open_planned(plan.command, plan.arguments, plan.policy)


def addresses_in(arguments: Mapping[str, Any]) -> list[str]:
    """Every text among arguments: what may be a path of something that is read."""
    found: list[str] = []
    for value in arguments.values():
        match value:
            case str():
                found.append(value)
            case list():
                found += [one for one in value if isinstance(one, str)]
            case _:
                pass
    return found


def planned_function(command: Literal["compare", "stability"]) -> Callable[..., Any]:
    """The function that a command calls."""
    match command:
        case "compare":
            return compare
        case "stability":
            return stability
        case _:
            assert_never(command)


def _addresses(
    command: Literal["compare", "stability"], arguments: Mapping[str, Any]
) -> dict[str, Any]:
    """The arguments as JSON has them, without those that say nothing."""
    parameters = inspect.signature(planned_function(command)).parameters
    needed = {name for name, one in parameters.items() if one.default is one.empty}
    if missing := sorted(needed - set(arguments)):
        raise InvalidInputError(f"a plan of {command} needs the argument {missing[0]}")
    found = {}
    for name, value in arguments.items():
        if name not in parameters:
            raise InvalidInputError(f"{command} takes no argument {name!r}")
        if name in _OF_PLAN:
            raise InvalidInputError(
                f"{name} is no argument of a plan, which has a place of its own for kept work; "
                f"leave it out (the policy is given as policy=)"
            )
        plain = _as_json(command, name, value)
        if plain not in (None, []):
            found[name] = plain
    return found


def _as_json(command: str, name: str, value: Any) -> Any:
    match value:
        case None | bool() | int() | float() | str():
            return value
        case os.PathLike():
            return os.fspath(value)
        case list() | tuple():
            return [_as_json(command, name, one) for one in value]
        case _:
            raise InvalidInputError(
                f"a plan of {command} takes addresses, which other processes open too: {name} is "
                f"an object of type {type(value).__name__}; save it and give its path"
            )
