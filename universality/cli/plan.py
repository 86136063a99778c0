"""`universality plan compare` and `universality plan stability`: work cut up for many processes."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, Literal

import click

from universality.cli.compare import compare
from universality.cli.stability import stability
from universality.cli.terminal import say
from universality.cli.types import NewFolder

_OF_RESULT = ("out", "overwrite", "as_json", "strict", "verbose")
_NOT_PLANNED = ("codes", "assignments", "quick")
_SPELLED = {"format_": "format"}


@click.group()
def plan() -> None:
    """Cut a comparison or a study into tiles that many processes make.

    `work` makes tiles, `status` says how far they are, `merge` writes the result.
    """


def _planned(planned: click.Command) -> click.Command:
    """The command that plans another, with all its options but those of its result."""
    name = str(planned.name)

    def run(out: Path, threads: int | None, estimate: bool, **given: Any) -> None:
        _plan("compare" if name == "compare" else "stability", given, out=out, threads=threads)
        if estimate:
            _estimate(out)

    own = [
        click.Option(
            ["--out"],
            default="plan",
            show_default=True,
            type=NewFolder(),
            help="Folder for the plan and its tiles, which all workers reach.",
        ),
        click.Option(
            ["--threads"],
            type=click.IntRange(1),
            help="Threads of a tile. Default: as many as the plain command would have here.",
        ),
        click.Option(
            ["--estimate"],
            is_flag=True,
            help="Make three tiles, and print tiles, bytes and hours that the plan takes.",
        ),
    ]
    params = [one for one in planned.params if one.name not in (*_OF_RESULT, *_NOT_PLANNED)]
    return click.Command(
        name,
        callback=run,
        params=[*params, *own],
        help=f"Plan `universality {name}`, which takes the same options.",
    )


plan.add_command(_planned(compare))
plan.add_command(_planned(stability))


def _plan(
    command: Literal["compare", "stability"],
    given: dict[str, Any],
    *,
    out: Path,
    threads: int | None,
) -> None:
    from universality.distributed.planning import plan_work
    from universality.runs.policy import Policy

    of_policy = {field.name for field in fields(Policy)}
    choices = {k: v for k, v in given.items() if k in of_policy and v is not None}
    arguments = {_SPELLED.get(k, k): v for k, v in given.items() if k not in of_policy}
    if command == "stability" and not arguments["runs"]:
        raise click.UsageError("give runs, or a folder of them")
    made = plan_work(
        command,
        arguments,
        out,
        policy=Policy(**choices),
        threads=threads,
        words=_words(sys.argv[1:]),
    )
    n = len(made.tiles)
    say(
        f"{n} tiles of {made.threads} threads each, in {out}.\n"
        f"Make them, in as many processes as you like:  universality work {out} --claim\n"
        f"or as part i of n, from 0:                    universality work {out} --shard i/n\n"
        f"then:                                         universality merge {out} --out DIR"
    )


def _words(typed: Sequence[str]) -> list[str]:
    """The plain command as it would be typed, without its `--out`."""
    words, skip = ["universality"], False
    for number, word in enumerate(typed):
        if skip or (number == 0 and word == "plan"):
            skip = False
        elif word == "--estimate":
            continue
        elif word in ("--out", "--threads"):
            skip = True
        elif not word.startswith(("--out=", "--threads=")):
            words.append(word)
    return words


def _estimate(folder: Path) -> None:
    from universality.distributed.estimate import estimate_plan

    found = estimate_plan(folder)
    say("\ntile                 number     hours        MB   (for one worker, from three tiles)")
    for kind, one in found.items():
        guess = "" if one.probed else "  not timed"
        hours, size = one.seconds / 3600, one.n_bytes / 1e6
        say(f"{kind:<20} {one.n_tiles:>6} {hours:>9.3f} {size:>9.1f}{guess}")
    hours = sum(one.seconds for one in found.values()) / 3600
    size = sum(one.n_bytes for one in found.values()) / 1e6
    n_tiles = sum(one.n_tiles for one in found.values())
    say(f"{'all':<20} {n_tiles:>6} {hours:>9.3f} {size:>9.1f}")
