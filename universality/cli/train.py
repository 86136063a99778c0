"""`universality train`: sparse autoencoders on a cache, over seeds and widths."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from universality.cli.terminal import say_line
from universality.cli.types import Device, UserPath, WorkFolder


def _numbers(_ctx: click.Context, _param: click.Parameter, value: str | None) -> list[int] | None:
    try:
        return None if value is None else [int(part) for part in value.split(",")]
    except ValueError as error:
        raise click.BadParameter(
            f"{value!r} is no comma-separated list of whole numbers"
        ) from error


@click.command()
@click.option(
    "--activations",
    "folder",
    required=True,
    type=UserPath(),
    help="A cache that `universality activations collect` wrote.",
)
@click.option("--out", required=True, type=WorkFolder(), help="Folder of the runs.")
@click.option(
    "--seeds",
    callback=_numbers,
    default="0,1,2",
    show_default=True,
    help="Seeds of the runs, one run for each.",
)
@click.option(
    "--order-seeds", callback=_numbers, help="Seeds of the data order.  [default: --seeds]"
)
@click.option("--expansion", callback=_numbers, help="Widths as multiples of d_in.  [default: 4]")
@click.option("--width", "widths", callback=_numbers, help="Widths as numbers of latents.")
@click.option("--architecture", default="topk", show_default=True, help="topk or relu.")
@click.option("--k", type=int, help="Latents per token (topk).  [default: 32]")
@click.option("--l1", type=float, help="Weight of the L1 penalty (relu).  [default: 5]")
@click.option("--tokens", "n_tokens", default=10_000_000, show_default=True, help="Presentations.")
@click.option("--batch-size", default=2048, show_default=True, help="Tokens per step.")
@click.option("--lr", default=2e-3, show_default=True, help="Peak learning rate.")
@click.option("--dead-window", default=0.03, show_default=True, help="Fraction of the run.")
@click.option(
    "--dead-weight", default=1 / 32, help="Weight of the auxiliary loss.  [default: 1/32]"
)
@click.option("--clip-norm", default=1.0, show_default=True, help="Longest gradient; 0: any.")
@click.option("--bias-start", default="mean", show_default=True, help="mean or geometric_median.")
@click.option("--held-out", default=0.02, show_default=True, help="Share kept out of training.")
@click.option(
    "--start",
    default="seed_and_width",
    show_default=True,
    help="seed: the rule of the first shipped runs, which share starts across widths.",
)
@click.option("--checkpoints", default=0, show_default=True, help="Dictionaries saved on the way.")
@click.option("--dtype", default="auto", show_default=True, help="auto, float32 or bfloat16.")
@click.option("--half", is_flag=True, help="Save the weights in float16.")
@click.option(
    "--device", type=Device(), default="cpu", show_default=True, help="Such as cpu or cuda."
)
def train(
    folder: Path,
    out: Path,
    seeds: list[int],
    order_seeds: list[int] | None,
    expansion: list[int] | None,
    widths: list[int] | None,
    architecture: str,
    k: int | None,
    l1: float | None,
    lr: float,
    half: bool,
    device: str,
    **options: Any,
) -> None:
    """Train one sparse autoencoder per width and seed, and save each in SAELens format.

    Interrupted, it can be run again and goes on where it stopped.
    """
    import sys

    import torch

    from universality.activations.cache import open_cache
    from universality.cli.interrupts import resumable
    from universality.training import runs
    from universality.training.architectures import make_architecture
    from universality.training.settings import TrainingSettings

    cache = open_cache(folder)
    given = {name: value for name, value in {"k": k, "l1": l1}.items() if value is not None}
    rule = make_architecture(architecture, given)
    chosen = runs.widths(cache.meta.d_in, expansion=expansion, widths=widths)
    settings = runs.grid(
        TrainingSettings(chosen[0], rule, learning_rate=lr, **options),
        widths=chosen,
        seeds=seeds,
        order_seeds=order_seeds,
    )
    with resumable():
        folders = runs.train(
            cache,
            settings,
            out,
            weights_dtype=torch.float16 if half else torch.float32,
            device=device,
            progress=sys.stderr.isatty(),
        )
    for path in folders:
        say_line(runs.describe(path))
