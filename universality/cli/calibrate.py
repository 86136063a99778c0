"""`universality calibrate`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from universality.cli.options import loading_options
from universality.cli.terminal import say
from universality.cli.types import Address, NewFile, UserPath
from universality.intake.names import visible


@click.command()
@click.argument("runs", type=Address(), nargs=-1, required=True, metavar="RUN RUN RUN...")
@click.option(
    "--out", required=True, type=NewFile(), metavar="FILE", help="File for the calibration."
)
@click.option("--overwrite", is_flag=True, help="Replace an earlier calibration at --out.")
@click.option(
    "--threshold",
    default=0.7,
    show_default=True,
    type=click.FloatRange(0, 1),
    help="Similarity from which a latent of another run counts as the same.",
)
@click.option("--name", default="own runs", show_default=True, help="What to call it.")
@click.option(
    "--keys",
    type=UserPath(),
    metavar="FILE",
    help="CSV that tells runs apart: run, model_name, hook_name, seed, step, dataset.",
)
@loading_options
@click.option("--json", "as_json", is_flag=True, help="Print the calibration as JSON.")
def calibrate(
    runs: tuple[str, ...],
    out: Path,
    overwrite: bool,
    threshold: float,
    name: str,
    keys: Path | None,
    format_: str | None,
    orientation: Any,
    as_json: bool,
) -> None:
    """Learn from three seeds or more which latents come back, for `--calibration FILE`.

    Each RUN is a checkpoint, or a folder of them; runs of one recipe that differ in their seed.
    Prints how good the forecast is on runs that were left out of it.
    """
    from universality.cli.reappearance_screen import calibration_screen
    from universality.publishing import publish_calibration
    from universality.recurrence.reappearance.calibrating import calibrate as calibrate_runs
    from universality.runs.opening import open_runs
    from universality.storage.json_output import as_json as to_json

    opened = open_runs(runs, keys=keys, format=format_, orientation=orientation)
    made = publish_calibration(
        lambda: calibrate_runs(opened, threshold=threshold, name=visible(name)),
        out,
        inputs=[*opened, *([keys] if keys else [])],
        overwrite=overwrite,
    )
    if as_json:
        say(to_json(made.as_record()), end="")
    else:
        say(calibration_screen(made, visible(str(out))))
