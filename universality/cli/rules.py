"""`universality rules`: what published rules say of the same runs, side by side."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from universality.cli.options import Command, chosen, policy_options, strict_option
from universality.cli.strict import leave_if_a_check_failed
from universality.cli.terminal import say
from universality.cli.types import Address, UserPath

NOT_OF_RULES = (
    "views",
    "held_out",
    "measure",
    "threshold",
    "time_limit",
    "absolute",
    "align",
    "matrix",
)
"""Fields of the policy that rules decide for themselves."""


def listed(_: click.Context, __: click.Parameter, value: str) -> tuple[str, ...]:
    """Names of rules, separated by commas."""
    return tuple(name.strip() for name in value.split(",") if name.strip())


def by_floor(
    _: click.Context, __: click.Parameter, values: tuple[str, ...]
) -> dict[str, list[str]]:
    """NAME=RUNS as a mapping from the floor's name to its runs; a name may stand several times."""
    found: dict[str, list[str]] = {}
    for value in values:
        name, mark, where = value.partition("=")
        if not mark or not where or not name.isidentifier():
            raise click.BadParameter(f"{value!r} is not NAME=RUNS, such as frozen_decoder=DIR")
        found.setdefault(name, []).append(where)
    return found


RULE_OPTION = click.option(
    "--rule",
    "rules",
    default="all",
    show_default=True,
    callback=listed,
    metavar="NAME[,NAME]",
    help="Rules, by name; all: every one.",
)
FLOOR_OPTION = click.option(
    "--floor",
    "floors",
    multiple=True,
    callback=by_floor,
    metavar="NAME=RUNS",
    help="Runs that a claim must beat, a folder of two or more: frozen_decoder=DIR, "
    "soft_frozen_decoder=DIR, random_model=DIR, same_start=DIR. The untrained floor is drawn.",
)


_INPUTS = (
    click.argument("runs", type=Address(), nargs=-1, required=True, metavar="RUN..."),
    click.option(
        "--activations",
        multiple=True,
        type=UserPath(),
        metavar="DIR",
        help="Cache of activations, for rules on firing; once for each model and hook.",
    ),
    click.option("--truth", type=Address(), help="The true features, a run or rows (.npy)."),
    policy_options(*NOT_OF_RULES),
)


def inputs_of_rules(command: Command) -> Command:
    """What rules are applied to, and what of the policy they leave open."""
    for option in reversed(_INPUTS):
        command = option(command)
    return command


@click.command()
@inputs_of_rules
@RULE_OPTION
@FLOOR_OPTION
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON, nothing else.")
@strict_option
def rules(
    runs: tuple[str, ...],
    activations: tuple[Path, ...],
    truth: str | None,
    rules: tuple[str, ...],
    floors: dict[str, list[str]],
    as_json: bool,
    strict: bool,
    **choices: Any,
) -> None:
    """Apply published rules to the same runs: each RUN is a checkpoint, or a folder of them.

    One row per rule and quantity, beside what its own chance gives and the floors. Every rule has
    its own sign, threshold and view; what one lacks is said.
    """
    from universality.cli.rules_screen import rules_screen
    from universality.intake.names import all_visible
    from universality.rules import apply_rules
    from universality.runs.opening import open_runs
    from universality.runs.policy import Policy
    from universality.storage.json_output import as_json as to_json

    found = apply_rules(
        open_runs(runs),
        rules,
        Policy(**chosen(choices)),
        activations=activations,
        truth=truth,
        floors={name: open_runs(where) for name, where in floors.items()},
    )
    say(to_json(found.summary) if as_json else rules_screen(all_visible(found.summary)), end="")
    if strict:
        leave_if_a_check_failed(found.summary)
