"""`universality figures`."""

from __future__ import annotations

from pathlib import Path

import click


def _names(_: click.Context, __: click.Parameter, value: str) -> tuple[str, ...]:
    return tuple(value.split(","))


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option(
    "--style",
    default="paper",
    show_default=True,
    type=click.Choice(["paper", "talk"]),
    help="Sizes for a column of a paper, or for a slide.",
)
@click.option(
    "--format",
    "formats",
    default="png,pdf",
    show_default=True,
    callback=_names,
    metavar="F[,F]",
    help="pdf, png, svg.",
)
@click.option("--width", type=float, metavar="INCHES", help="Width. Default: the style's.")
def figures(folder: Path, style: str, formats: tuple[str, ...], width: float | None) -> None:
    """Draw the figures of a saved result DIR anew, into DIR/figures.

    Beside each figure lies a .csv with exactly the numbers it shows. Nothing is recomputed.
    """
    from universality.publishing import redraw

    for file in redraw(folder, style=style, formats=formats, width=width):
        click.echo(str(file))
