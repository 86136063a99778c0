"""Options of comparisons and studies, each declared once; the policy's carry its fields' names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import click

from universality.cli.types import DRAWS, SEED, Device, NewFolder, UserPath

Command: TypeAlias = Callable[..., None]
Option: TypeAlias = Callable[[Command], Command]


def _names(_: click.Context, __: click.Parameter, value: str | None) -> tuple[str, ...] | None:
    return tuple(value.split(",")) if value else None


def _choice(name: str, default: str, words: list[str], help: str) -> Option:
    return click.option(
        name, default=default, show_default=True, type=click.Choice(words), help=help
    )


_OF_POLICY: dict[str, Option] = {
    "views": click.option(
        "--view",
        "views",
        callback=_names,
        metavar="V[,V]",
        help="Views: decoder, encoder, activations. Default: all that the runs share.",
    ),
    "held_out": click.option(
        "--held-out/--no-held-out",
        default=True,
        show_default=True,
        help="Judge pairs of activations on documents they were not found on.",
    ),
    "rows": _choice(
        "--rows",
        "screened",
        ["screened", "all"],
        "Rows of a cache to compare. screened: without first positions, norms above ten times "
        "the median and rows of zeros, where the cache still holds them.",
    ),
    "measure": _choice(
        "--measure", "pearson", ["pearson", "cosine", "jaccard"], "What firing together means."
    ),
    "threshold": click.option(
        "--threshold",
        default=0.7,
        show_default=True,
        type=click.FloatRange(0, 1),
        help="Similarity from which two latents count as the same.",
    ),
    "nulls": click.option(
        "--null",
        "nulls",
        callback=_names,
        metavar="NAME[,NAME]",
        help="Nulls to draw; the first stands beside every number.",
    ),
    "n_draws": click.option(
        "--draws", "n_draws", type=DRAWS, help="Draws of the first null; of others half as many."
    ),
    "alive": _choice(
        "--alive",
        "auto",
        ["auto", "all", "norm", "file", "firing"],
        "Which latents take part. auto: firing where activations are given, else the "
        "checkpoints' counts.",
    ),
    "min_firing": click.option(
        "--min-firing",
        default=10,
        show_default=True,
        type=click.IntRange(1),
        help="Tokens a latent must fire on, for --alive firing.",
    ),
    "time_limit": click.option(
        "--time-limit",
        type=click.FloatRange(min=0, min_open=True),
        help="Seconds for the assignment of a view; then the best so far, with its gap.",
    ),
    "absolute": click.option(
        "--absolute", is_flag=True, help="Count sign-flipped directions as the same."
    ),
    "align": _choice(
        "--align",
        "none",
        ["none", "shared", "rotation", "affine"],
        "Directions of different language models. none: left out. shared: compared as they are, "
        "where the models share one space (fine-tuned ones). rotation, affine: through a map of "
        "B's space into A's, fitted to their activations on half of the documents.",
    ),
    "matrix": click.option(
        "--matrix",
        is_flag=True,
        help="Also write every similarity, similarity_<view>.npy, where it fits.",
    ),
    "device": click.option(
        "--device", default="auto", show_default=True, type=Device(), help="auto, cpu, cuda, ..."
    ),
    "seed": click.option(
        "--seed", default=0, show_default=True, type=SEED, help="Seed of the null draws."
    ),
}


def policy_options(*without: str) -> Option:
    """An option for each field of the policy but these, and none that it does not have."""
    return _all([option for name, option in _OF_POLICY.items() if name not in without])


calibration_option: Option = click.option(
    "--calibration",
    type=UserPath(),
    metavar="FILE",
    help="What `universality calibrate` wrote, for chances to come back. Default: what is shipped.",
)


def loading_options(command: Command) -> Command:
    """How checkpoints are read that do not say it themselves."""
    return _all(
        [
            click.option(
                "--format", "format_", default=None, help="Format of the runs, if it is not clear."
            ),
            click.option(
                "--orientation",
                default=None,
                type=click.Choice(["rows", "columns"]),
                help="Whether directions are rows or columns, for square weights.",
            ),
        ]
    )(command)


blocks_option: Option = click.option(
    "--blocks",
    metavar="PATH",
    help="Where in the model the list of its layers is, such as model.layers, if that is not "
    "clear.",
)
"""For models in which the list of layers cannot be told."""


def result_options(place: str) -> Option:
    """Where the result goes, and what is printed."""
    return _all(
        [
            click.option(
                "--out",
                default=place,
                show_default=True,
                type=NewFolder(),
                help="Folder for the result.",
            ),
            click.option("--overwrite", is_flag=True, help="Replace an earlier result at --out."),
            click.option(
                "--json", "as_json", is_flag=True, help="Print the summary as JSON, nothing else."
            ),
        ]
    )


def strict_option(command: Command) -> Command:
    """Whether a failed check is an exit code of its own."""
    return click.option(
        "--strict",
        is_flag=True,
        help="Leave with exit code 3 where a check fails (warnings do not count); the result is "
        "written all the same.",
    )(command)


verbose_option: Option = click.option(
    "--verbose",
    is_flag=True,
    help="Show a bar for every step, with what the solver is at, in place of one line of stages.",
)


def chosen(choices: dict[str, Any]) -> dict[str, Any]:
    """What was chosen; the rest is the policy's own."""
    return {name: value for name, value in choices.items() if value is not None}


def _all(options: list[Option]) -> Option:
    def apply(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return apply
