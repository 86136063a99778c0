"""`universality compare` and `universality demo`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from universality.cli.terminal import say
from universality.cli.types import DRAWS, SEED, Address, Device, NewFolder, UserPath, WorkFolder
from universality.intake.names import all_visible, visible

if TYPE_CHECKING:
    from universality.dictionary import Dictionary


def _names(_: click.Context, __: click.Parameter, value: str | None) -> tuple[str, ...] | None:
    return tuple(value.split(",")) if value else None


_OPTIONS = (
    click.option(
        "--view",
        "views",
        callback=_names,
        metavar="V[,V]",
        help="Views to compare: decoder, encoder, activations. Default: all there are.",
    ),
    click.option(
        "--activations",
        multiple=True,
        type=UserPath(),
        help="Cache of activations, to compare when latents fire. Twice where the runs "
        "read different hooks or models: that of A, then that of B.",
    ),
    click.option(
        "--codes",
        type=WorkFolder(),
        help="Folder for the codes over the cache, so that a repeated command need not "
        "encode again. Default: in memory.",
    ),
    click.option(
        "--unembedding",
        type=Address(),
        metavar="FILE|MODEL",
        help="What turns directions into logits: .npy or .safetensors with one row per token, or "
        "the runs' language model (folder, .gguf file, hub id). Adds the tokens latents raise.",
    ),
    click.option(
        "--held-out/--no-held-out",
        default=True,
        show_default=True,
        help="Judge pairs of activations on documents they were not found on.",
    ),
    click.option(
        "--rows",
        default="screened",
        show_default=True,
        type=click.Choice(["screened", "all"]),
        help="Rows of a cache to compare. screened: without first positions, norms above ten times "
        "the median and rows of zeros, where the cache still holds them.",
    ),
    click.option(
        "--measure",
        default="pearson",
        show_default=True,
        type=click.Choice(["pearson", "cosine", "jaccard"]),
        help="What firing together means.",
    ),
    click.option(
        "--threshold",
        default=0.7,
        show_default=True,
        type=click.FloatRange(0, 1),
        help="Similarity from which two latents count as the same.",
    ),
    click.option(
        "--null",
        "nulls",
        callback=_names,
        metavar="NAME[,NAME]",
        help="Nulls to draw; the first stands beside every number.",
    ),
    click.option("--draws", "n_draws", type=DRAWS, help="Draws of each null."),
    click.option(
        "--alive",
        default="auto",
        show_default=True,
        type=click.Choice(["auto", "all", "norm", "file", "firing"]),
        help="Which latents take part. auto: firing where activations are given, else "
        "the checkpoints' counts.",
    ),
    click.option(
        "--min-firing",
        default=10,
        show_default=True,
        type=click.IntRange(1),
        help="Tokens a latent must fire on, for --alive firing.",
    ),
    click.option(
        "--time-limit",
        type=click.FloatRange(min=0, min_open=True),
        help="Seconds for the assignment of a view; then the best so far, with its gap.",
    ),
    click.option("--absolute", is_flag=True, help="Count sign-flipped directions as the same."),
    click.option(
        "--matrix",
        is_flag=True,
        help="Also write every similarity, similarity_<view>.npy, where it fits.",
    ),
    click.option(
        "--device", default="auto", show_default=True, type=Device(), help="auto, cpu, cuda, ..."
    ),
    click.option("--seed", default=0, show_default=True, type=SEED, help="Seed of the null draws."),
    click.option(
        "--out",
        default="comparison",
        show_default=True,
        type=NewFolder(),
        help="Folder for the result.",
    ),
    click.option("--overwrite", is_flag=True, help="Replace an earlier result at --out."),
    click.option(
        "--json", "as_json", is_flag=True, help="Print the summary as JSON, nothing else."
    ),
)


def _with_options(command: Callable[..., None]) -> Callable[..., None]:
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


@click.command()
@click.argument("a", type=Address())
@click.argument("b", type=Address())
@click.option("--format", "format_", default=None, help="Format of both runs, if it is not clear.")
@click.option(
    "--orientation",
    default=None,
    type=click.Choice(["rows", "columns"]),
    help="Whether directions are rows or columns, for square weights.",
)
@_with_options
def compare(
    a: str,
    b: str,
    format_: str | None,
    orientation: Literal["rows", "columns"] | None,
    **options: Any,
) -> None:
    """Compare two runs: A and B are checkpoint folders, files or hub addresses.

    Prints what was found and writes tables, figures and a report.
    """
    from universality.encoding.delphi import is_delphi
    from universality.loading import load

    runs = [
        run if is_delphi(run) else load(run, format=format_, orientation=orientation)
        for run in (a, b)
    ]
    _compare(runs[0], runs[1], **options)


@click.command()
@_with_options
def demo(**options: Any) -> None:
    """Compare two dictionaries that ship with the checkout: two seeds of one SAE.

    In every view, with the shipped sample of activations.
    """
    from universality.loading import load
    from universality.shipped import sample, two_seeds

    a, b = (load(path) for path in two_seeds())
    options["activations"] = options["activations"] or (sample(),)
    _compare(a, b, **options)


def _compare(
    a: Dictionary | str,
    b: Dictionary | str,
    *,
    activations: tuple[Path, ...],
    codes: Path | None,
    unembedding: str | None,
    out: Path,
    overwrite: bool,
    as_json: bool,
    **choices: Any,
) -> None:
    from universality.cli.screen import comparison_screen
    from universality.comparison import Policy
    from universality.comparison import compare as compare_runs
    from universality.publishing import publish_comparison
    from universality.storage.json_files import as_json as to_json

    policy = Policy(**{name: value for name, value in choices.items() if value is not None})
    comparison = publish_comparison(
        lambda: compare_runs(
            a,
            b,
            policy,
            activations=activations or None,
            codes=codes,
            unembedding=unembedding,
        ),
        out,
        inputs=[a, b, *activations, codes, unembedding],
        overwrite=overwrite,
        command=["universality", *sys.argv[1:]],
        settings=asdict(policy),
    )
    if as_json:
        say(to_json(comparison.summary), end="")
    else:
        say(comparison_screen(all_visible(comparison.summary), Path(visible(str(out)))))
