"""`universality stability`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, Literal

import click

from universality.cli.terminal import say
from universality.cli.types import DRAWS, SEED, Address, Device, NewFolder, UserPath
from universality.intake.names import all_visible, visible


def _names(_: click.Context, __: click.Parameter, value: str | None) -> tuple[str, ...] | None:
    return tuple(value.split(",")) if value else None


@click.command()
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
@click.option(
    "--view",
    "views",
    callback=_names,
    metavar="V[,V]",
    help="Views: decoder, encoder, activations. Default: all that the runs share.",
)
@click.option(
    "--threshold",
    default=0.7,
    show_default=True,
    type=click.FloatRange(0, 1),
    help="Similarity from which two latents count as the same.",
)
@click.option(
    "--measure",
    default="pearson",
    show_default=True,
    type=click.Choice(["pearson", "cosine", "jaccard"]),
    help="What firing together means.",
)
@click.option("--null", "nulls", callback=_names, metavar="NAME", help="Null of directions.")
@click.option("--draws", "n_draws", type=DRAWS, help="Draws of the null.")
@click.option(
    "--alive",
    default="auto",
    show_default=True,
    type=click.Choice(["auto", "all", "norm", "file", "firing"]),
    help="Which latents take part.",
)
@click.option(
    "--rows",
    default="screened",
    show_default=True,
    type=click.Choice(["screened", "all"]),
    help="Rows of a cache to compare. screened: without first positions, norms above ten times "
    "the median and rows of zeros, where the cache still holds them.",
)
@click.option(
    "--min-firing",
    default=10,
    show_default=True,
    type=click.IntRange(1),
    help="Tokens a latent must fire on, for --alive firing.",
)
@click.option("--absolute", is_flag=True, help="Count sign-flipped directions as the same.")
@click.option(
    "--device", default="auto", show_default=True, type=Device(), help="auto, cpu, cuda, ..."
)
@click.option("--seed", default=0, show_default=True, type=SEED, help="Seed of the null draws.")
@click.option("--format", "format_", default=None, help="Format of the runs, if it is not clear.")
@click.option(
    "--orientation",
    default=None,
    type=click.Choice(["rows", "columns"]),
    help="Whether directions are rows or columns, for square weights.",
)
@click.option(
    "--out",
    default="stability",
    show_default=True,
    type=NewFolder(),
    help="Folder for the result.",
)
@click.option("--overwrite", is_flag=True, help="Replace an earlier result at --out.")
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON, nothing else.")
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
    **choices: Any,
) -> None:
    """Find what many runs have in common: each RUN is a checkpoint, or a folder of them.

    Prints what was found and writes tables and the consensus dictionary. Matched pairs are kept
    beside --out until the result is whole: the same command goes on where it was stopped.
    """
    from universality.cli.interrupts import resumable
    from universality.cli.stability_screen import stability_screen
    from universality.loading import expand, load
    from universality.publishing import publish_assignments, publish_stability
    from universality.runs.keys import keyed
    from universality.runs.policy import Policy
    from universality.storage.json_files import as_json as to_json

    if (assignments is None) == (not runs):
        raise click.UsageError("give either runs (or a folder of them), or --assignments FILE")
    command = ["universality", *sys.argv[1:]]
    if assignments is not None:
        found = publish_assignments(
            assignments, out, seed=choices["seed"], overwrite=overwrite, command=command
        )
    else:
        addresses = [address for run in runs for address in expand(run, format=format_)]
        loaded = [load(one, format=format_, orientation=orientation) for one in addresses]
        loaded = keyed(loaded, keys)
        policy = Policy(**{name: value for name, value in choices.items() if value is not None})
        with resumable():
            found = publish_stability(
                loaded,
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
