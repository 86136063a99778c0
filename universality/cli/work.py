"""`universality work`, `status` and `merge`: what is done with a plan."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, assert_never

import click

from universality.cli.options import strict_option
from universality.cli.strict import leave_if_a_check_failed
from universality.cli.terminal import say
from universality.cli.types import NewFolder, UserPath
from universality.intake.names import all_visible, visible

_MOST_NAMED = 12


@click.command()
@click.argument("plan", type=UserPath())
@click.option(
    "--shard",
    metavar="I/N",
    help="Part I of N, counted from 0. Under torchrun: its rank and world size.",
)
@click.option(
    "--claim",
    is_flag=True,
    help="Take whatever tiles nobody finished and no living worker is at, by lock files.",
)
@click.option(
    "--lease",
    default=300.0,
    show_default=True,
    type=click.FloatRange(min=0, min_open=True),
    help="Seconds without a sign of life after which a worker on another host counts as gone.",
)
@click.option(
    "--patience",
    default=86_400.0,
    show_default=True,
    type=click.FloatRange(min=0),
    help="Seconds to wait at most for a tile that another worker is at.",
)
@click.option(
    "--engine",
    type=click.Choice(["ray", "slurm"]),
    help="Hand out all tiles by Ray (one actor per core), or as an array of SLURM jobs that claim "
    "them, by submitit.",
)
@click.option("--workers", type=click.IntRange(1), help="Actors or jobs of the engine.")
def work(
    plan: Path,
    shard: str | None,
    claim: bool,
    lease: float,
    patience: float,
    engine: Literal["ray", "slurm"] | None,
    workers: int | None,
) -> None:
    """Make tiles of PLAN in this process; many may do so, at once or one after the other."""
    from universality.cli.interrupts import resumable
    from universality.distributed.engines import work as work_at
    from universality.distributed.engines import work_in_ray, work_in_slurm
    from universality.distributed.shard import shard_from, shard_of_launcher

    if engine is not None and (shard is not None or claim):
        raise click.UsageError("--engine hands out all tiles: leave out --shard and --claim")
    if engine is None and workers is not None:
        raise click.UsageError("--workers are those of --engine; start as many processes yourself")
    part = shard_of_launcher() if shard is None else shard_from(shard)
    with resumable():
        match engine:
            case "ray":
                found = work_in_ray(plan, n_workers=workers)
            case "slurm":
                found = work_in_slurm(plan, n_jobs=workers or 1, logs=plan / "logs")
            case None:
                found = work_at(
                    plan,
                    shard=None if part is None else (part.number, part.of),
                    claim=claim,
                    lease=lease,
                    patience=patience,
                )
            case _:
                assert_never(engine)
    whose = "" if part is None else f"shard {part}: "
    say(f"{whose}{len(found.made)} tiles made, {found.n_missing} of {found.n_tiles} missing")


@click.command()
@click.argument("plan", type=UserPath())
def status(plan: Path) -> None:
    """Say how far PLAN is: tiles that are finished and missing, and time left."""
    from universality.distributed.plan_status import plan_status

    found = plan_status(plan)
    n_done, n = len(found.done), len(found.plan.tiles)
    say(f"{n_done} of {n} tiles finished, in {_time(found.seconds_done)} of work")
    if found.n_locked:
        say(f"{found.n_locked} locks held by workers that may be alive")
    if found.missing:
        left = found.seconds_left
        say(f"left: {'unknown' if left is None else 'about ' + _time(left)} for one worker")
        say("missing:")
        for tile in found.missing[:_MOST_NAMED]:
            say(f"  {tile.name}")
        if len(found.missing) > _MOST_NAMED:
            say(f"  and {len(found.missing) - _MOST_NAMED} more")


@click.command()
@click.argument("plan", type=UserPath())
@click.option("--out", required=True, type=NewFolder(), help="Folder for the result.")
@click.option("--overwrite", is_flag=True, help="Replace an earlier result at --out.")
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON, nothing else.")
@strict_option
def merge(plan: Path, out: Path, overwrite: bool, as_json: bool, strict: bool) -> None:
    """Write the result of PLAN: the folder that the plain command writes, from finished tiles."""
    from universality.distributed.merging import merge_work
    from universality.storage.json_output import as_json as to_json

    found = merge_work(plan, out, overwrite=overwrite)
    if as_json:
        say(to_json(found.summary), end="")
    else:
        say(_screen(found, out))
    if strict:
        leave_if_a_check_failed(found.summary)


def _screen(found: Any, out: Path) -> str:
    from universality.cli.screen import comparison_screen
    from universality.cli.stability_screen import stability_screen
    from universality.results import Comparison

    shown = Path(visible(str(out)))
    if isinstance(found, Comparison):
        return comparison_screen(all_visible(found.summary), shown)
    return stability_screen(all_visible(found.summary), shown)


def _time(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
