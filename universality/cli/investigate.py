"""`universality investigate`: one latent under the microscope."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from universality.cli.options import blocks_option, result_options
from universality.cli.terminal import say
from universality.cli.types import SEED, Address, Device, UserPath, WorkFolder
from universality.intake.names import all_visible, visible

if TYPE_CHECKING:
    from universality.investigation.addressed_latents import AddressedLatent
    from universality.results.investigated import Investigation


@click.command()
@click.argument("place", type=Address(), metavar="RUN|RESULT")
@click.argument("latent", metavar="LATENT")
@click.option(
    "--in",
    "others",
    multiple=True,
    type=Address(),
    metavar="RUN",
    help="Another run on the same hook in which it is looked for; may be given several times.",
)
@click.option(
    "--elsewhere",
    multiple=True,
    type=(Address(), UserPath()),
    metavar="RUN DIR",
    help="A run of another hook or model, and its cache of the same texts, in which it is looked "
    "for; may be given several times.",
)
@click.option(
    "--random",
    type=(Address(), UserPath()),
    metavar="RUN DIR",
    help="A run of a model with random weights, and its cache of the same texts: what its best "
    "latent reaches stands beside every score.",
)
@click.option(
    "--activations",
    required=True,
    type=UserPath(),
    metavar="DIR",
    help="Cache of activations of the hook that the runs read.",
)
@click.option(
    "--model",
    type=Address(),
    help="The language model of the cache: a local Hugging Face folder, a .gguf file, or a hub id. "
    "Without it nothing is said of what the latent does.",
)
@click.option(
    "--proxy",
    "proxies",
    multiple=True,
    metavar="PROXY",
    help="What it may be about: script:Han, class:digit, regex:PATTERN or tokens:FILE; may be "
    "given several times.",
)
@click.option("--pin", type=float, help="Code at which it is held.  [default: its largest]")
@click.option(
    "--contexts",
    "n_contexts",
    default=10,
    show_default=True,
    type=click.IntRange(2, 1000),
    help="Contexts in which its effect is measured.",
)
@click.option(
    "--context",
    "context_length",
    default=64,
    show_default=True,
    type=click.IntRange(8, 4096),
    help="Tokens of each.",
)
@click.option(
    "--controls",
    "n_controls",
    default=10,
    show_default=True,
    type=click.IntRange(0, 1000),
    help="Random latents of equal frequency and norm beside it.",
)
@click.option(
    "--explanations",
    type=UserPath(),
    metavar="FILE",
    help="What others say of the latents of RUN: a JSON file {latent: text}, or delphi's folder of "
    "results, whose scores are shown by firing frequency.",
)
@click.option(
    "--keep",
    type=WorkFolder(),
    help="Folder for codes and effects of controls, which further latents of the run use again.",
)
@blocks_option
@click.option(
    "--device", default="cpu", show_default=True, type=Device(), help="auto, cpu, cuda, ..."
)
@click.option("--seed", default=0, show_default=True, type=SEED, help="Seed of all draws.")
@result_options("investigation")
def investigate(
    place: str, latent: str, *, out: Path, overwrite: bool, as_json: bool, **given: Any
) -> None:
    """Ask of one latent: specific, sensitive, used by the model, more than a neuron, universal?

    LATENT is a number of a RUN; of a saved RESULT it is a:17 or b:17, of many runs RUN:17 or
    family:12, with its counterparts as the result has them. Prints the answer and writes tables,
    figures and a page.
    """
    from universality.investigation.addressed_latents import addressed_latent
    from universality.publishing import publish_made
    from universality.storage.json_output import as_json as to_json

    found = addressed_latent(place, latent)
    settings = {name: given[name] for name in _SETTINGS}
    result = publish_made(
        lambda: _asked(found, settings, **given),
        out,
        inputs=[found.run, *found.others, *_read(given)],
        overwrite=overwrite,
        command=["universality", *sys.argv[1:]],
        settings=settings,
    )
    if as_json:
        say(to_json(result.summary), end="")
        return
    say("\n".join(all_visible(result.summary["answer"])))
    say(f"{visible(str(out))}: report.html, summary.json, tables, figures")


_SETTINGS = ("proxies", "pin", "n_contexts", "context_length", "n_controls", "seed")


def _asked(
    found: AddressedLatent, settings: dict[str, Any], *, device: str, **given: Any
) -> Investigation:
    from universality.compute.devices import resolve_device
    from universality.investigation.investigating import investigate as ask
    from universality.models.language_model import load_language_model

    where, model = resolve_device(device), given["model"]
    return ask(
        found.run,
        found.latent,
        given["activations"],
        others=(*found.others, *given["others"]),
        counterparts=(*found.counterparts, *(None for _ in given["others"])),
        elsewhere=given["elsewhere"],
        random=given["random"],
        model=None
        if model is None
        else load_language_model(model, device=where, blocks=given["blocks"]),
        explanations=given["explanations"],
        keep=given["keep"],
        device=where,
        **settings,
    )


def _read(given: Mapping[str, Any]) -> list[Any]:
    """Everything besides the runs of the result that is read."""
    apart = [*given["elsewhere"], *([given["random"]] if given["random"] else [])]
    one = [given[name] for name in ("activations", "model", "explanations", "keep")]
    return [*given["others"], *(part for pair in apart for part in pair), *one]
