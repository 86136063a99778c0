"""`universality figures`."""

from __future__ import annotations

from pathlib import Path

import click

from universality.cli.terminal import complain, say_line
from universality.cli.types import NewFolder, UserPath


def _names(_: click.Context, __: click.Parameter, value: str) -> tuple[str, ...]:
    return tuple(value.split(","))


def _pair(_: click.Context, __: click.Parameter, value: str | None) -> tuple[int, int] | None:
    if value is None:
        return None
    found = value.split(",")
    if len(found) != 2 or not all(one.strip().isdigit() for one in found):
        raise click.BadParameter(f"expected two numbers such as 12,40, got {value!r}")
    return int(found[0]), int(found[1])


@click.command()
@click.argument("folders", metavar="DIR...", nargs=-1, required=True, type=UserPath())
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
@click.option(
    "--pair",
    callback=_pair,
    metavar="A,B",
    help="Latents of a and of b whose activations and logit weights are drawn. Default: the most "
    "alike of those kept.",
)
@click.option(
    "--out",
    type=NewFolder(),
    metavar="DIR",
    help="Where the figures of several results on one axis go; needed for several, for one not.",
)
@click.option("--overwrite", is_flag=True, help="Replace earlier figures at --out.")
def figures(
    folders: tuple[Path, ...],
    style: str,
    formats: tuple[str, ...],
    width: float | None,
    pair: tuple[int, int] | None,
    out: Path | None,
    overwrite: bool,
) -> None:
    """Draw the figures of a saved result, or of a folder of trained runs, into DIR/figures.

    Of several results: what they have in common on one axis, into --out. Beside each figure lies a
    .csv with exactly the numbers it shows. Nothing is recomputed.
    """
    from universality.redrawing import draw_together, redraw
    from universality.results import age_of_saved

    if len(folders) > 1:
        if out is None or pair is not None:
            raise click.UsageError(
                "several results are drawn on one axis, into a folder of their own: give --out "
                "and no --pair"
            )
        files = draw_together(
            folders, out, style=style, formats=formats, width=width, overwrite=overwrite
        )
        for file in files:
            say_line(str(file))
        return
    if out is not None or overwrite:
        raise click.UsageError("figures of one result go into its folder; --out is for several")
    (folder,) = folders
    if not (folder / "summary.json").is_file() and any(folder.glob("*/training_record.json")):
        from universality.publishing import draw_training

        for file in draw_training(folder, style=style, formats=formats, width=width):
            say_line(str(file))
        return
    if age := age_of_saved(folder):
        complain(f"{folder} was {age}")
    for file in redraw(folder, style=style, formats=formats, width=width, pair=pair):
        say_line(str(file))
