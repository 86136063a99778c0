"""`universality prompt`: which latents of several runs fire on a text."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from universality.cli.options import blocks_option
from universality.cli.terminal import say
from universality.cli.types import Address, Device, UserPath
from universality.intake.names import visible

if TYPE_CHECKING:
    from universality.investigation.prompting import PromptReading


@click.command()
@click.argument("text")
@click.option(
    "--in",
    "runs",
    multiple=True,
    required=True,
    type=Address(),
    metavar="RUN",
    help="A run; given several times, latents are aligned with their partners.",
)
@click.option(
    "--model",
    type=Address(),
    required=True,
    help="The runs' language model: a local Hugging Face folder, a .gguf file, or a hub id.",
)
@click.option(
    "--activations",
    type=UserPath(),
    metavar="DIR",
    help="Cache of activations, for partners and quantiles.",
)
@click.option(
    "--hook", help="Where the runs read.  [default: as the first run, or the cache, says]"
)
@click.option(
    "--by",
    default="activation",
    show_default=True,
    type=click.Choice(["activation", "quantile", "effect"]),
    help="What ranks the latents of a token: how strongly they fire, how strongly for their kind, "
    "or what the model's next token loses without them.",
)
@click.option(
    "--top", default=5, show_default=True, type=click.IntRange(1, 1000), help="Latents of a token."
)
@blocks_option
@click.option(
    "--device", default="cpu", show_default=True, type=Device(), help="auto, cpu, cuda, ..."
)
@click.option("--json", "as_json", is_flag=True, help="Print the numbers as JSON, nothing else.")
def prompt(
    text: str,
    runs: tuple[str, ...],
    model: str,
    activations: Path | None,
    hook: str | None,
    by: Any,
    top: int,
    blocks: str | None,
    device: str,
    as_json: bool,
) -> None:
    """Show which latents of each run fire on each token of TEXT, with their partners.

    A partner is the latent of the other run that fires most alike over the cache; beside it stands
    the share of the firings on which it fires too.
    """
    from universality.compute.devices import resolve_device
    from universality.investigation.causal_effects import hooked_model
    from universality.investigation.coded_runs import coded_runs, opened_runs
    from universality.investigation.prompting import read_prompt
    from universality.models.language_model import load_language_model
    from universality.runs.common_tokens import open_caches

    where = resolve_device(device)
    opened = opened_runs(runs)
    cache = None if activations is None else open_caches(activations)[0]
    place = hook or (cache.meta.hook_name if cache else None) or opened[0][1].key.hook_name
    if not place:
        raise click.UsageError("the run does not say where it reads: give --hook, or --activations")
    at = hooked_model(load_language_model(model, device=where, blocks=blocks), place)
    coded = [] if cache is None else coded_runs(opened, cache, where)
    found = read_prompt(text, opened, at, coded=coded, by=by, top=top)
    say(_json(found) if as_json else _screen(found), end="" if as_json else "\n")


def _json(found: PromptReading) -> str:
    return (
        json.dumps(
            {
                "tokens": list(found.tokens),
                "fired": json.loads(found.fired.to_json(orient="records")),
                "partners": json.loads(found.partners.to_json(orient="records")),
            },
            indent=2,
        )
        + "\n"
    )


def _screen(found: PromptReading) -> str:
    known = {
        (run, latent): f"{other} {partner} ({cofiring:.0%})"
        for run, latent, other, partner, _, cofiring in found.partners.itertuples(index=False)
    }
    lines = []
    for position, rows in found.fired.groupby("position", sort=True):
        lines.append(f"{position:>4} {visible(repr(rows['string'].iloc[0]))}")
        for run, own in rows.groupby("run", sort=False):
            said = [_latent(str(run), row, known) for row in own.to_dict("records")]
            lines.append(f"       {visible(str(run))}: {', '.join(said)}")
    silent = len(found.tokens) - found.fired["position"].nunique()
    return "\n".join(
        [*lines, f"{silent} of {len(found.tokens)} tokens fire none that is looked at"]
    )


def _latent(run: str, row: dict[Any, Any], known: dict[Any, str]) -> str:
    parts = [f"{row['code']:.3g}"]
    if row["quantile"] == row["quantile"]:
        parts.append(f"no weaker than {row['quantile']:.0%}")
    if row["effect"] == row["effect"]:
        parts.append(f"effect {row['effect']:+.3f}")
    partner = known.get((run, row["latent"]))
    return f"{row['latent']} ({', '.join(parts)})" + (f" ~ {visible(partner)}" if partner else "")
