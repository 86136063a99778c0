"""`universality compare` and `universality demo`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from universality.cli.given_options import given_options, refuse_idle_firing
from universality.cli.options import (
    calibration_option,
    chosen,
    loading_options,
    policy_options,
    result_options,
    strict_option,
    verbose_option,
)
from universality.cli.strict import leave_if_a_check_failed
from universality.cli.terminal import say
from universality.cli.types import Address, UserPath, WorkFolder
from universality.intake.names import all_visible, visible

if TYPE_CHECKING:
    from universality.runs.opening import Run


def _with_options(command: Callable[..., None]) -> Callable[..., None]:
    command = result_options("comparison")(strict_option(verbose_option(command)))
    command = policy_options()(command)
    for option in reversed(_INPUTS):
        command = option(command)
    return command


_INPUTS = (
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
        "--effects",
        type=Address(),
        metavar="MODEL",
        help="The runs' language model (folder, .gguf file, hub id): a sample of pairs is taken "
        "away from it, to see whether what looks the same does the same. Needs --activations.",
    ),
    click.option(
        "--effect-pairs",
        default=40,
        show_default=True,
        type=click.IntRange(1),
        help="Pairs of that sample; about four seconds each on two cores, for a model of 135 "
        "million parameters.",
    ),
    click.option(
        "--geometry",
        is_flag=True,
        help="Ask whether latents that fire together are arranged alike, which needs no common "
        "space: for runs of different models and widths. Needs --activations.",
    ),
    click.option(
        "--partial",
        is_flag=True,
        help="Also match partially: at each price for staying unmatched, the pairs with the "
        "largest sum of (similarity - price), beside the null.",
    ),
    click.option(
        "--transport",
        type=click.FloatRange(0, 1, min_open=True),
        metavar="TEMPERATURE",
        help="Also let latents have several partners, by entropic transport at this temperature, "
        "such as 0.02: how many has each, beside the null?",
    ),
    click.option(
        "--groups",
        is_flag=True,
        help="Also account for every latent by directions: the same, the same within a group of "
        "latents or a subspace, above chance, nowhere. 19 more matchings or more a view.",
    ),
    calibration_option,
    click.option(
        "--quick",
        is_flag=True,
        help="Print the numbers of directions in seconds and write nothing: the isotropic null in "
        "closed form stands in, no latent is graded.",
    ),
)


@click.command()
@click.argument("a", type=Address())
@click.argument("b", type=Address())
@loading_options
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

    def opened() -> tuple[Run, Run]:
        from universality.runs.opening import open_run

        first, second = (open_run(run, format=format_, orientation=orientation) for run in (a, b))
        return first, second

    _compare(opened, inputs=(a, b), **options)


@click.command()
@_with_options
def demo(**options: Any) -> None:
    """Compare two dictionaries that ship with the checkout: two seeds of one SAE.

    In every view, with the shipped sample of activations.
    """
    from universality.shipped import sample, two_seeds

    def opened() -> tuple[Run, Run]:
        from universality.loading import load

        a, b = (load(path) for path in two_seeds())
        return a, b

    if not options["quick"]:
        options["activations"] = options["activations"] or (sample(),)
    _compare(opened, inputs=two_seeds(), **options)


def _compare(
    opened: Callable[[], tuple[Run, Run]],
    *,
    inputs: Sequence[str | Path],
    activations: tuple[Path, ...],
    codes: Path | None,
    unembedding: str | None,
    effects: str | None,
    effect_pairs: int,
    geometry: bool,
    partial: bool,
    transport: float | None,
    groups: bool,
    calibration: Path | None,
    out: Path,
    overwrite: bool,
    as_json: bool,
    strict: bool,
    verbose: bool,
    quick: bool,
    **choices: Any,
) -> None:
    if quick:
        _look_quickly(*opened(), as_json=as_json, strict=strict, choices=choices)
        return
    from universality.cli.screen import comparison_screen
    from universality.cli.stage_progress import stages_of_comparison
    from universality.storage.json_output import as_json as to_json

    with stages_of_comparison(verbose=verbose):
        from universality.comparison import Policy
        from universality.comparison import compare as compare_runs
        from universality.publishing import publish_made

        a, b = opened()
        refuse_idle_firing((a, b), activations)
        policy = Policy(**chosen(choices))
        comparison = publish_made(
            lambda: compare_runs(
                a,
                b,
                policy,
                activations=activations or None,
                codes=codes,
                unembedding=unembedding,
                effects=effects,
                effect_pairs=effect_pairs,
                geometry=geometry,
                partial=partial,
                transport=transport,
                groups=groups,
                calibration=calibration,
            ),
            out,
            inputs=[*inputs, *activations, codes, unembedding, effects, calibration],
            overwrite=overwrite,
            command=["universality", *sys.argv[1:]],
            settings=asdict(policy),
        )
    if as_json:
        say(to_json(comparison.summary), end="")
    else:
        say(comparison_screen(all_visible(comparison.summary), Path(visible(str(out)))))
    if strict:
        leave_if_a_check_failed(comparison.summary)


_OF_WHOLE_COMPARISONS = {
    *("activations", "codes", "unembedding", "effects", "effect_pairs", "geometry"),
    *("partial", "transport", "groups", "calibration"),
    *("nulls", "n_draws", "seed", "rows", "measure", "min_firing", "held_out", "matrix"),
    *("out", "overwrite", "verbose"),
}
"""What a quick look does not do, and would leave out without a word."""


def _look_quickly(a: Run, b: Run, *, as_json: bool, strict: bool, choices: dict[str, Any]) -> None:
    given = given_options(_OF_WHOLE_COMPARISONS.__contains__)
    if given:
        raise click.UsageError(
            f"{', '.join(given)}: --quick looks at directions beside the isotropic null and writes "
            "nothing; leave one of them out"
        )
    from universality.cli.quick_screen import quick_screen
    from universality.comparison.quick_look import look_quickly
    from universality.runs.policy import Policy
    from universality.storage.json_output import as_json as to_json

    summary = look_quickly(a, b, Policy(**chosen(choices)))
    say(
        to_json(summary) if as_json else quick_screen(all_visible(summary)),
        end="" if as_json else "\n",
    )
    if strict:
        leave_if_a_check_failed(summary)
