"""`universality export`: what other tools read."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from universality.cli.terminal import say
from universality.cli.types import Address, NewFolder, UserPath
from universality.intake.names import visible


@click.group()
def export() -> None:
    """Write what other tools read: latents for delphi, features for Neuronpedia."""


@export.command()
@click.argument("run", type=Address())
@click.option(
    "--activations", required=True, type=UserPath(), metavar="DIR", help="Cache of activations."
)
@click.option("--out", required=True, type=NewFolder(), help="Folder to write.")
@click.option(
    "--context",
    type=click.IntRange(2),
    help="Tokens of a sequence.  [default: the longest window of the cache]",
)
@click.option(
    "--files", default=1, show_default=True, type=click.IntRange(1), help="Files to split into."
)
@click.option("--overwrite", is_flag=True, help="Replace an earlier export at --out.")
def delphi(
    run: str, activations: Path, out: Path, context: int | None, files: int, overwrite: bool
) -> None:
    """Write the latents of RUN over a cache as delphi caches them, in a folder named by the hook.

    delphi's explainers and scorers read it, and so does `universality compare`.
    """
    from universality.encoding.delphi_export import write_delphi_latents
    from universality.encoding.streaming import encode
    from universality.loading import load
    from universality.publishing import paths_of
    from universality.runs.common_tokens import open_caches
    from universality.storage.manifest import write_manifest
    from universality.storage.places import check_holds_no_input
    from universality.storage.staging import staged_folder

    check_holds_no_input(out, paths_of(run, activations))
    (cache,) = open_caches(activations)
    with staged_folder(out, overwrite=overwrite) as staged:
        codes = encode(load(run), cache)
        written = write_delphi_latents(
            codes,
            cache,
            staged / cache.meta.hook_name,
            context=context or cache.meta.context,
            n_files=files,
        )
        write_manifest(staged, {}, command=["universality", *sys.argv[1:]], settings=written)
    say(
        f"{visible(str(out))}: {codes.d_sae:,} latents on {written['n_sequences']:,} sequences of "
        f"{written['n_tokens'] // written['n_sequences']} tokens; {written['n_left_out']:,} tokens "
        "at the ends of documents left out"
    )


@export.command()
@click.argument("result", type=UserPath())
@click.option("--model-id", required=True, help="The model, as Neuronpedia calls it: gpt2-small.")
@click.option("--source", required=True, help="The source, as Neuronpedia calls it: 8-res-jb.")
@click.option("--out", required=True, type=NewFolder(), help="Folder to write.")
@click.option("--overwrite", is_flag=True, help="Replace an earlier export at --out.")
def neuronpedia(result: Path, model_id: str, source: str, out: Path, overwrite: bool) -> None:
    """Write the latents of a saved investigation, RESULT, as Neuronpedia's feature JSON."""
    from universality.investigation.neuronpedia_features import neuronpedia_features
    from universality.results import read_investigation
    from universality.storage.json_output import write_json
    from universality.storage.manifest import write_manifest
    from universality.storage.places import check_holds_no_input
    from universality.storage.staging import staged_folder

    check_holds_no_input(out, [result])
    features = neuronpedia_features(read_investigation(result), model_id=model_id, source=source)
    with staged_folder(out, overwrite=overwrite) as staged:
        for one in features:
            write_json(one, staged / f"{_plain(one['layer'])}-{one['index']}.json")
        write_manifest(staged, {}, command=["universality", *sys.argv[1:]])
    say(f"{visible(str(out))}: {len(features)} features")


def _plain(name: str) -> str:
    return "".join(one if one.isalnum() or one in "-_." else "_" for one in name)
