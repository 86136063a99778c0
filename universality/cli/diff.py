"""`universality diff`: what differs between two labels."""

from __future__ import annotations

from pathlib import Path

import click

from universality.cli.strict import NOT_MET
from universality.cli.terminal import say
from universality.cli.types import UserPath


@click.command()
@click.argument("old", type=UserPath())
@click.argument("new", type=UserPath())
@click.option("--exit-code", is_flag=True, help="Leave with 3 where anything differs.")
def diff(old: Path, new: Path, exit_code: bool) -> None:
    """Say what differs between two labels: runs, validity, every rule's number.

    Exit codes: 0, with --exit-code 3 where anything differs, 2 unreadable.
    """
    from universality.results.label_difference import label_difference
    from universality.results.release_label import read_label

    lines = label_difference(read_label(old), read_label(new))
    for line in lines or ["no difference"]:
        say(line)
    if lines and exit_code:
        click.get_current_context().exit(NOT_MET)
