"""Options that a person gave and that would change nothing: refused, not passed over."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

if TYPE_CHECKING:
    from universality.runs.opening import Run

_OF_FIRING = ("measure", "min_firing", "rows", "held_out")


def given_options(concerned: Callable[[str], bool]) -> list[str]:
    """How the options of the command at hand are spelled that were given, of those concerned."""
    context = click.get_current_context()
    return [
        option.opts[0]
        for option in context.command.params
        if concerned(str(option.name))
        and context.get_parameter_source(str(option.name)) is not ParameterSource.DEFAULT
    ]


def refuse_idle_firing(runs: Sequence[Run], activations: Sequence[Path]) -> None:
    """Refuse what says how firing is compared, where nobody knows what fires.

    Raises:
        UsageError: such an option was given, and there are neither activations nor runs of codes.
    """
    from universality.encoding.delphi import CodedRun

    if activations or any(isinstance(run, CodedRun) for run in runs):
        return
    given = given_options(_OF_FIRING.__contains__)
    if given:
        raise click.UsageError(
            f"{', '.join(given)} would have no effect without activations: give --activations DIR, "
            "or leave it out"
        )
