"""`universality train`: a grid of sparse autoencoders on a cache, each reproducible alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from universality.cli.terminal import complain, say
from universality.cli.types import Device, UserPath, WorkFolder

_FIELDS = {"tokens": "n_tokens", "lr": "learning_rate"}
_AXES = {
    "seeds": "seeds",
    "order_seeds": "order_seeds",
    "order": "order",
    "expansion": "expansion",
    "width": "widths",
    "architecture": "architectures",
}
_SPARSITIES = ("k", "l1", "target_l0")


def _list_of(kind: type, what: str) -> Callable[..., list[Any] | None]:
    def parse(_ctx: click.Context, _param: click.Parameter, value: str | None) -> list[Any] | None:
        try:
            return None if value is None else [kind(part.strip()) for part in value.split(",")]
        except ValueError as error:
            raise click.BadParameter(f"{value!r} is no comma-separated list of {what}") from error

    return parse


_whole = _list_of(int, "whole numbers")
_numbers = _list_of(float, "numbers")
_words = _list_of(str, "words")


@click.command()
@click.option(
    "--activations",
    "folders",
    required=True,
    multiple=True,
    type=UserPath(),
    help="A cache that `universality activations collect` or another library wrote; one per hook.",
)
@click.option(
    "--target-activations",
    "targets",
    multiple=True,
    type=UserPath(),
    help="What a transcoder writes: a cache of the same tokens, one per --activations.",
)
@click.option(
    "--rows",
    default="screened",
    show_default=True,
    help="screened: without first positions and rows of outlying norm; all.",
)
@click.option("--out", required=True, type=WorkFolder(), help="Folder of the runs.")
@click.option("--grid", type=UserPath(), help="A TOML file with any of the options below.")
@click.option(
    "--seeds", callback=_whole, help="Seeds of the runs, one run for each.  [default: 0,1,2]"
)
@click.option("--order-seeds", callback=_whole, help="Seeds of the data order.  [default: --seeds]")
@click.option("--order", help="paired: order seeds go with seeds; product.  [default: paired]")
@click.option("--expansion", callback=_whole, help="Widths as multiples of d_in.  [default: 4]")
@click.option("--width", callback=_whole, help="Widths as numbers of latents.")
@click.option(
    "--architecture",
    callback=_words,
    help="Of topk, topk_aligned, batchtopk, matryoshka, relu, relu_tied, gated, jumprelu, "
    "transcoder, and the floors frozen_decoder and soft_frozen_decoder.  [default: topk]",
)
@click.option("--k", callback=_whole, help="Latents per token of the TopK kinds.  [default: 32]")
@click.option("--l1", callback=_numbers, help="Weight of the L1 penalty of the L1 kinds.")
@click.option(
    "--target-l0", callback=_numbers, help="Latents per token of jumprelu.  [default: 32]"
)
@click.option("--tokens", type=int, help="Presentations.  [default: 10000000]")
@click.option("--batch-size", type=int, help="Tokens per step.  [default: 2048]")
@click.option("--lr", type=float, help="Peak learning rate.  [default: 0.002]")
@click.option("--dead-window", type=float, help="Fraction of the run.  [default: 0.03]")
@click.option("--dead-weight", type=float, help="Weight of the auxiliary loss.  [default: 1/32]")
@click.option(
    "--resample",
    "--resampling",
    "resampling",
    help="Dead latents: none, simple, advanced.  [default: none]",
)
@click.option("--resample-every", type=float, help="Fraction of the run.  [default: 0.125]")
@click.option("--clip-norm", type=float, help="Longest gradient; 0: any.  [default: 1]")
@click.option("--bias-start", help="mean or geometric_median.  [default: mean]")
@click.option("--held-out", type=float, help="Share kept out of training.  [default: 0.02]")
@click.option(
    "--start",
    help="seed: the rule of the first shipped runs, which share starts across widths.  [default: "
    "seed_and_width]",
)
@click.option("--checkpoints", type=int, help="Dictionaries saved on the way.  [default: 0]")
@click.option("--dtype", help="auto, float32 or bfloat16.  [default: auto]")
@click.option("--half", is_flag=True, help="Save the weights in float16.")
@click.option(
    "--device", type=Device(), default="cpu", show_default=True, help="Such as cpu or cuda."
)
@click.option("--dry-run", is_flag=True, help="Print cells, memory and time; train nothing.")
def train(
    folders: tuple[Path, ...],
    targets: tuple[Path, ...],
    out: Path,
    grid: Path | None,
    rows: str,
    half: bool,
    device: str,
    dry_run: bool,
    **given: Any,
) -> None:
    """Train sparse autoencoders over seeds, widths, architectures, sparsities and hooks.

    Each run is a folder in SAELens format. Interrupted, it can be run again and goes on where it
    stopped.
    """
    import sys

    import torch

    from universality.activations.formats.detection import open_activations
    from universality.cli import train_screen as screen
    from universality.cli.interrupts import resumable
    from universality.training import runs
    from universality.training.forecast import forecast, memory_line
    from universality.training.grid import cells, shared_starts

    axes, base = _axes(_with_grid(grid, given))
    read, written = ([open_activations(p, rows=rows) for p in many] for many in (folders, targets))
    found = cells(axes, base, read, written or None)
    if (shared := shared_starts(found)) is not None:
        complain(f"note: {shared}")
    weights_dtype = torch.float16 if half else torch.float32
    if dry_run:
        planned = forecast(found, out, weights_dtype=weights_dtype, device=device)
        say(screen.dry_run(planned, memory_line(found)))
        return
    runs.check_cells(found, out, weights_dtype=weights_dtype, device=device)
    complain(memory_line(found))
    with resumable():
        outcomes = runs.train_cells(
            found, out, weights_dtype=weights_dtype, device=device, progress=sys.stderr.isatty()
        )
    say(screen.outcomes(outcomes))
    runs.raise_if_diverged(outcomes)


def _with_grid(grid: Path | None, given: dict[str, Any]) -> dict[str, Any]:
    """Options of the command line and of the grid file together; none may be in both."""
    from universality.errors import InvalidInputError
    from universality.training.grid_file import read_grid

    typed = {name: value for name, value in given.items() if value is not None}
    written = {} if grid is None else read_grid(grid)
    both = sorted(set(typed) & set(written))
    if both:
        flags = ", ".join("--" + name.replace("_", "-") for name in both)
        raise InvalidInputError(f"{flags}: given both here and in {grid}; leave one out")
    return typed | written


def _axes(options: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    """What varies over the grid, and the fields of the settings that all cells share."""
    from universality.training.architectures import NAMES
    from universality.training.grid import Axes

    axes = Axes(
        **{_AXES[name]: value for name, value in options.items() if name in _AXES},
        sparsities={name: options[name] for name in _SPARSITIES if name in options},
        options={name: options[name] for name in NAMES if name in options},
    )
    taken = {*_AXES, *_SPARSITIES, *NAMES}
    base = {_FIELDS.get(name, name): value for name, value in options.items() if name not in taken}
    return axes, base
