"""`universality activations`: collect a cache from a language model, describe one."""

from __future__ import annotations

from pathlib import Path

import click

from universality.cli.options import blocks_option
from universality.cli.terminal import complain, say_line
from universality.cli.types import SEED, Address, Device, UserPath, WorkFolder


@click.group()
def activations() -> None:
    """Collect activations of a language model into a cache, or describe one."""


@activations.command()
@click.option(
    "--model",
    type=Address(),
    required=True,
    help="A local Hugging Face folder, a .gguf file, or a hub id org/name[@revision].",
)
@click.option(
    "--hook",
    "hook_names",
    required=True,
    multiple=True,
    help="Such as blocks.8.hook_resid_post, hook_resid_mid, hook_resid_pre, hook_mlp_out, "
    "hook_attn_out, attn.hook_z, mlp.hook_post or ln2.hook_normalized. Given several times, one "
    "pass of the model makes a cache for each, in a folder of its name.",
)
@blocks_option
@click.option(
    "--text",
    "texts",
    required=True,
    multiple=True,
    type=UserPath(),
    help="A .txt, .jsonl or .json file; may be given several times.",
)
@click.option("--field", default="text", show_default=True, help="Key of the text in JSON records.")
@click.option("--out", required=True, type=WorkFolder(), help="Folder to write.")
@click.option("--context", default=256, show_default=True, help="Longest window, in tokens.")
@click.option("--max-tokens", type=int, help="Stop after this many tokens.")
@click.option("--shard-tokens", default=32_768, show_default=True, help="Tokens per file.")
@click.option(
    "--bos/--no-bos",
    default=None,
    help="Whether a beginning-of-sequence token stands before each window.  [default: as the "
    "tokenizer does]",
)
@click.option(
    "--drop-special/--keep-special",
    default=True,
    show_default=True,
    help="Whether rows of special tokens (beginning, end, padding, chat marks) are left out.",
)
@click.option(
    "--random-weights",
    type=SEED,
    metavar="SEED",
    help="Give the model the weights it had before any training, drawn with this seed: what runs "
    "trained on it have in common is a floor.",
)
@click.option(
    "--dtype",
    default="auto",
    show_default=True,
    help="auto (bfloat16 where the hardware has it), float32 or bfloat16.",
)
@click.option(
    "--device", type=Device(), default="cpu", show_default=True, help="auto, cpu or cuda."
)
def collect(
    model: str,
    hook_names: tuple[str, ...],
    blocks: str | None,
    texts: tuple[Path, ...],
    field: str,
    out: Path,
    context: int,
    max_tokens: int | None,
    shard_tokens: int,
    bos: bool | None,
    drop_special: bool,
    random_weights: int | None,
    dtype: str,
    device: str,
) -> None:
    """Run a model over texts and keep the hidden states at its hooks.

    Interrupted, it can be run again and goes on where it stopped.
    """
    import sys

    from universality.activations import collection, documents
    from universality.activations import collection_plan as plan
    from universality.cli.interrupts import resumable
    from universality.compute.devices import resolve_device
    from universality.models.language_model import load_language_model
    from universality.models.precision import resolve_dtype

    with resumable():
        read = documents.read_documents(texts, field=field)
        if replaced := sum(document.n_replaced for document in read):
            complain(
                f"{replaced:,} halves of characters (lone surrogates) in the texts became U+FFFD"
            )
        folders = plan.hook_folders(out, hook_names)
        place = resolve_device(device)
        number_format = resolve_dtype(dtype, place)
        caches = collection.collect_into(
            load_language_model(
                model,
                dtype=number_format,
                device=place,
                random_weights=random_weights,
                blocks=blocks,
            ),
            read,
            folders,
            context=context,
            shard_tokens=shard_tokens,
            max_tokens=max_tokens,
            prepend_bos=bos,
            drop_special=drop_special,
            progress=sys.stderr.isatty(),
        )
    for cache in caches.values():
        _print(cache.path, vars(cache.meta))
    if dtype == "auto":
        taken = str(number_format).removeprefix("torch.")
        complain(
            f"--dtype auto: the model ran in {taken} on this machine; others may take another and "
            "give other rows, so name it where caches are to be the same everywhere"
        )


@activations.command()
@click.argument("folder", type=UserPath())
@click.option("--verify", is_flag=True, help="Also check the hash of every file.")
def info(folder: Path, verify: bool) -> None:
    """Say what a cache holds."""
    from universality.activations import cache
    from universality.activations.formats.detection import open_activations

    opened = open_activations(folder)
    if verify:
        cache.verify_cache(opened)
    _print(folder, vars(opened.meta))


def _print(folder: Path, meta: dict[str, object]) -> None:
    say_line(f"{folder}")
    for key, value in meta.items():
        if key != "shards":
            say_line(f"  {key:<17}{value}")
