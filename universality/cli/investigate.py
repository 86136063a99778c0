"""`universality investigate`: one latent under the microscope."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from universality.cli.options import blocks_option, result_options
from universality.cli.terminal import say
from universality.cli.types import SEED, Address, Device, UserPath, WorkFolder
from universality.intake.names import all_visible, visible


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
    place: str,
    latent: str,
    others: tuple[str, ...],
    activations: Path,
    model: str | None,
    proxies: tuple[str, ...],
    pin: float | None,
    n_contexts: int,
    context_length: int,
    n_controls: int,
    explanations: Path | None,
    keep: Path | None,
    blocks: str | None,
    device: str,
    seed: int,
    out: Path,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Ask of one latent: specific, sensitive, used by the model, more than a neuron, universal?

    LATENT is a number of a RUN; of a saved RESULT it is a:17 or b:17, of many runs RUN:17 or
    family:12, with its counterparts as the result has them. Prints the answer and writes tables,
    figures and a page.
    """
    from universality.compute.devices import resolve_device
    from universality.investigation.addressed_latents import addressed_latent
    from universality.investigation.investigating import investigate as ask
    from universality.models.language_model import LanguageModel, load_language_model
    from universality.publishing import publish_made
    from universality.storage.json_output import as_json as to_json

    found = addressed_latent(place, latent)
    known: tuple[int | None, ...] = (*found.counterparts, *(None for _ in others))
    runs = (*found.others, *others)
    where = resolve_device(device)

    def opened() -> LanguageModel | None:
        return None if model is None else load_language_model(model, device=where, blocks=blocks)

    settings = {
        "proxies": list(proxies),
        "pin": pin,
        "n_contexts": n_contexts,
        "context_length": context_length,
        "n_controls": n_controls,
        "seed": seed,
    }
    result = publish_made(
        lambda: ask(
            found.run,
            found.latent,
            activations,
            others=runs,
            counterparts=known,
            model=None
            if model is None
            else load_language_model(model, device=where, blocks=blocks),
            explanations=explanations,
            keep=keep,
            device=where,
            **settings,  # type: ignore[arg-type]
        ),
        out,
        inputs=[found.run, *runs, activations, model, explanations, keep],
        overwrite=overwrite,
        command=["universality", *sys.argv[1:]],
        settings=settings,
    )
    if as_json:
        say(to_json(result.summary), end="")
        return
    say("\n".join(all_visible(result.summary["answer"])))
    say(f"{visible(str(out))}: report.html, summary.json, tables, figures")
