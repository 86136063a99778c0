"""`universality report`."""

from __future__ import annotations

from pathlib import Path

import click

from universality.cli.terminal import complain, say_line
from universality.cli.types import UserPath


@click.command()
@click.argument("folder", metavar="DIR", type=UserPath())
@click.option(
    "--explanations",
    type=UserPath(),
    metavar="FILE",
    help="CSV with the columns run (a, b or a name), latent, explanation: shown and searched.",
)
@click.option(
    "--pair",
    "pairs",
    multiple=True,
    type=UserPath(),
    metavar="DIR",
    help="A saved comparison of two runs of the study DIR: its families link to that page. May be "
    "given several times.",
)
def report(folder: Path, explanations: Path | None, pairs: tuple[Path, ...]) -> None:
    """Write the report of a saved result DIR anew: one page that needs no network."""
    from universality.redrawing import rewrite_report
    from universality.results import age_of_saved

    if age := age_of_saved(folder):
        complain(f"{folder} was {age}")
    say_line(str(rewrite_report(folder, explanations=explanations, pairs=pairs)))
