"""`universality stability`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import click
from click.core import ParameterSource

from universality.cli.given_options import given_options, refuse_idle_firing
from universality.cli.options import (
    Command,
    chosen,
    loading_options,
    policy_options,
    result_options,
    strict_option,
    verbose_option,
)
from universality.cli.strict import leave_if_a_check_failed
from universality.cli.terminal import say
from universality.cli.types import Address, UserPath
from universality.intake.names import all_visible, visible

_OF_ASSIGNMENTS = ("assignments", "seed", "out", "overwrite", "as_json", "strict", "verbose")


def _refuse_idle_options(assignments: Path | None) -> None:
    """Refuse options that were given and say nothing of assignments read from a file."""
    given = given_options(lambda name: name not in (*_OF_ASSIGNMENTS, "runs"))
    if assignments is not None and given:
        raise click.UsageError(
            f"{', '.join(given)} would have no effect: --assignments FILE has no weights, codes or "
            "similarities; leave it out, or give the runs themselves"
        )


def _refuse_of_two(context: click.Context, option: click.Parameter, value: object) -> None:
    if context.get_parameter_source(str(option.name)) is not ParameterSource.DEFAULT and value:
        raise click.UsageError(
            f"{option.opts[0]} is for two runs: leave it out of a study of many, and ask of the "
            f"two in question, `universality compare A B {option.opts[0]} ...`"
        )


def _only_of_two(name: str, **options: Any) -> Callable[[Command], Command]:
    """An option that `compare` has and many runs have not: refused by a sentence."""
    return click.option(name, hidden=True, expose_value=False, callback=_refuse_of_two, **options)


@click.command()
@_only_of_two("--unembedding", type=Address())
@_only_of_two("--effects", type=Address())
@_only_of_two("--geometry", is_flag=True)
@_only_of_two("--partial", is_flag=True)
@_only_of_two("--transport")
@_only_of_two("--groups", is_flag=True)
@click.argument("runs", type=Address(), nargs=-1, metavar="[RUN]...")
@click.option(
    "--activations",
    multiple=True,
    type=UserPath(),
    metavar="DIR",
    help="Cache of activations; once for each model and hook that the runs read.",
)
@click.option(
    "--assignments",
    type=UserPath(),
    metavar="FILE",
    help="Precomputed assignments (npz), in place of runs.",
)
@click.option(
    "--keys",
    type=UserPath(),
    metavar="FILE",
    help="CSV that tells runs apart: run, model_name, hook_name, seed, step, dataset.",
)
@policy_options("matrix")
@loading_options
@result_options("stability")
@strict_option
@verbose_option
def stability(
    runs: tuple[str, ...],
    activations: tuple[Path, ...],
    assignments: Path | None,
    keys: Path | None,
    format_: str | None,
    orientation: Literal["rows", "columns"] | None,
    out: Path,
    overwrite: bool,
    as_json: bool,
    strict: bool,
    verbose: bool,
    **choices: Any,
) -> None:
    """Find what many runs have in common: each RUN is a checkpoint, or a folder of them.

    Prints what was found and writes tables and the consensus dictionary. Matched pairs are kept
    beside --out until the result is whole: the same command goes on where it was stopped.
    """
    from universality.cli.interrupts import resumable
    from universality.cli.stability_screen import stability_screen
    from universality.cli.stage_progress import stages_of_study
    from universality.storage.json_output import as_json as to_json

    if (assignments is None) == (not runs):
        raise click.UsageError("give either runs (or a folder of them), or --assignments FILE")
    command = ["universality", *sys.argv[1:]]
    _refuse_idle_options(assignments)
    if assignments is not None:
        from universality.publishing import publish_assignments

        found = publish_assignments(
            assignments, out, seed=choices["seed"], overwrite=overwrite, command=command
        )
    else:
        with stages_of_study(verbose=verbose):
            from universality.publishing import publish_stability
            from universality.runs.opening import open_runs
            from universality.runs.policy import Policy

            opened = open_runs(runs, keys=keys, format=format_, orientation=orientation)
            refuse_idle_firing(opened, activations)
            policy = Policy(**chosen(choices))
            with resumable():
                found = publish_stability(
                    opened,
                    out,
                    policy,
                    activations=activations,
                    inputs=[keys],
                    overwrite=overwrite,
                    command=command,
                )
    if as_json:
        say(to_json(found.summary), end="")
    else:
        say(stability_screen(all_visible(found.summary), Path(visible(str(out)))))
    if strict:
        leave_if_a_check_failed(found.summary)
