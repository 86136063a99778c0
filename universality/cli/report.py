"""`universality report`."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
def report(folder: Path) -> None:
    """Write the report of a saved result DIR anew: one page that needs no network."""
    from universality.publishing import rewrite_report
    from universality.results import age_of_saved

    if age := age_of_saved(folder):
        click.echo(f"{folder} was {age}", err=True)
    click.echo(str(rewrite_report(folder)))
