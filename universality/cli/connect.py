"""`universality connect`: a sparse map from the features of one layer to those of another."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from universality.cli.terminal import say
from universality.cli.types import SEED, Address, Device, NewFolder, UserPath
from universality.intake.names import all_visible, visible


def _penalties(_: click.Context, __: click.Parameter, value: str) -> tuple[float, ...]:
    try:
        found = tuple(float(one) for one in value.split(","))
    except ValueError:
        raise click.BadParameter(f"{value!r} is no list of numbers, such as 1e-3,3e-3") from None
    if len(set(found)) != len(found):
        raise click.BadParameter(f"{value!r} names a penalty twice")
    return found


@click.command()
@click.argument("source", type=Address())
@click.argument("target", type=Address())
@click.option(
    "--activations",
    required=True,
    type=UserPath(),
    help="A cache of the place that SOURCE reads.",
)
@click.option(
    "--target-activations",
    required=True,
    type=UserPath(),
    help="A cache of the place that TARGET reads, over the same texts.",
)
@click.option("--form", default="relu", show_default=True, help="linear, relu or skip.")
@click.option("--init", default="zero", show_default=True, help="zero, random or analytic.")
@click.option(
    "--between",
    type=UserPath(),
    help="A safetensors file with `weight` and `bias` of the layer between: for --init analytic, "
    "and for the analytic and dense maps beside it.",
)
@click.option(
    "--between-relu/--no-between-relu",
    default=True,
    show_default=True,
    help="Whether a ReLU follows that layer, before the place of TARGET.",
)
@click.option(
    "--l1",
    "penalties",
    default="3e-3",
    show_default=True,
    callback=_penalties,
    metavar="L1[,L1]",
    help="Penalties; the first makes the connector, the others the path beside it.",
)
@click.option("--loss", default="per_feature", show_default=True, help="per_feature or global.")
@click.option("--steps", default=1_500, show_default=True, help="Steps of the fit.")
@click.option("--batch-size", default=1_024, show_default=True, help="Tokens in each.")
@click.option("--lr", "learning_rate", default=0.01, show_default=True, help="Until the leak ends.")
@click.option(
    "--warm-up", default=0.6, show_default=True, help="Share of the steps in which the ReLU leaks."
)
@click.option("--leak", default=0.1, show_default=True, help="Slope of the leak.")
@click.option(
    "--held-out",
    default=0.2,
    show_default=True,
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    help="Share of the tokens to judge by, as whole documents.",
)
@click.option(
    "--rows",
    default="screened",
    show_default=True,
    type=click.Choice(["screened", "all"]),
    help="Rows of the caches: screened leaves out outlying norms and zeros.",
)
@click.option("--seed", type=SEED, default=0, show_default=True, help="Seed of all chance.")
@click.option("--device", type=Device(), default="auto", show_default=True, help="Of the encoders.")
@click.option("--out", required=True, type=NewFolder(), help="Folder of the result.")
@click.option("--overwrite", is_flag=True, help="Replace an earlier result at --out.")
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON, nothing else.")
def connect(
    source: str,
    target: str,
    activations: Path,
    target_activations: Path,
    between: Path | None,
    between_relu: bool,
    penalties: tuple[float, ...],
    held_out: float,
    rows: str,
    device: str,
    out: Path,
    overwrite: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Fit a sparse map from the latents of SOURCE to those of TARGET, and say how good it is.

    SOURCE and TARGET are dictionaries of two places of one model. Writes the connector, tables, a
    report with its rows and their texts, and figures.
    """
    from universality.activations.formats.detection import open_activations
    from universality.compute.devices import resolve_device
    from universality.connectors.analytic_map import read_between
    from universality.connectors.connecting import connect as connect_ends
    from universality.connectors.fit_settings import ConnectorSettings
    from universality.loading import load
    from universality.publishing import publish_made
    from universality.storage.json_output import as_json as to_json

    settings = ConnectorSettings(l1=penalties[0], **options)
    layer = None if between is None else read_between(between, relu=between_relu)
    runs = load(source), load(target)
    caches = [open_activations(one, rows=rows) for one in (activations, target_activations)]
    made = publish_made(
        lambda: connect_ends(
            *runs,
            (caches[0], caches[1]),
            settings,
            l1_path=penalties[1:],
            held_out=held_out,
            between=layer,
            device=resolve_device(device),
            progress=sys.stderr.isatty(),
        ),
        out,
        inputs=[source, target, activations, target_activations, between],
        overwrite=overwrite,
        command=["universality", *sys.argv[1:]],
        settings=asdict(settings) | {"held_out": held_out},
    )
    result = made.connection
    if as_json:
        say(to_json(result.summary), end="")
        return
    say(_screen(all_visible(result.summary), visible(str(out))))


def _screen(summary: dict[str, Any], place: str) -> str:
    lines = [f"{'unexplained, held out':<24}{'of all':>10}{'median':>10}{'at or above 1':>16}"]
    lines += [
        f"{name:<24}{found['global']:>10.4f}{found['median']:>10.4f}{found['unexplained']:>15.1%}"
        for name, found in summary["fvu"].items()
    ]
    left_out = [
        f"{summary[end]['n_dead']:,} silent and {summary[end]['n_constant']:,} constant latents of "
        f"{summary[end]['name']}"
        for end in ("source", "target")
        if summary[end]["n_dead"] or summary[end]["n_constant"]
    ]
    lines += ["", *summary["answer"]]
    lines += [f"Left out: {' and '.join(left_out)}."] if left_out else []
    return "\n".join([*lines, "", f"{place}: report.html, connector.safetensors, tables, figures"])
