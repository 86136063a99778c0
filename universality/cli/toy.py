"""`universality toy`: autoencoders on a toy model whose features are known."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from universality.cli.terminal import say
from universality.cli.types import SEED, NewFolder
from universality.intake.names import visible


@click.command()
@click.option(
    "--architecture",
    default="relu",
    show_default=True,
    help="relu (untied), tied, gated or jumprelu.",
)
@click.option(
    "--resample", default="none", show_default=True, help="Dead latents: none, simple, advanced."
)
@click.option("--instances", default=16, show_default=True, help="Autoencoders, side by side.")
@click.option("--features", default=5, show_default=True, help="Features of the toy model.")
@click.option("--hidden", default=2, show_default=True, help="Dimensions of its hidden space.")
@click.option("--latents", type=int, help="Latents of each autoencoder.  [default: --features]")
@click.option(
    "--probability", default=0.025, show_default=True, help="How often a feature is present."
)
@click.option(
    "--correlated-pairs", default=0, show_default=True, help="Pairs present together, always."
)
@click.option(
    "--anticorrelated-pairs", default=0, show_default=True, help="Pairs never present together."
)
@click.option(
    "--coefficient", type=float, help="Weight of the sparsity penalty.  [default: by architecture]"
)
@click.option("--steps", default=20_000, show_default=True, help="Steps of the autoencoders.")
@click.option("--model-steps", default=10_000, show_default=True, help="Steps of the toy model.")
@click.option("--seed", type=SEED, default=0, show_default=True, help="Seed of everything.")
@click.option("--out", required=True, type=NewFolder(), help="Folder of the result.")
@click.option("--overwrite", is_flag=True, help="Replace an earlier result at --out.")
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON, nothing else.")
def toy(out: Path, overwrite: bool, as_json: bool, **options: object) -> None:
    """Train autoencoders on one toy model of superposition, and see which features they find.

    The truth and each autoencoder are saved as runs: `universality compare OUT/truth
    OUT/instance-3`, or `universality stability OUT`.
    """
    import sys

    from universality.publishing import publish_made
    from universality.storage.json_output import as_json as to_json
    from universality.toy.experiment import ToySettings, toy_experiment

    settings = ToySettings(**options)  # type: ignore[arg-type]
    made = publish_made(
        lambda: toy_experiment(settings, progress=sys.stderr.isatty()),
        out,
        overwrite=overwrite,
        command=sys.argv,
        settings=asdict(settings),
    )
    summary = made.result.summary
    if as_json:
        say(to_json(summary), end="")
        return
    say(
        f"{summary['instances_recovered']} of {summary['n_instances']} instances found all "
        f"{settings.features} features (cosine > .99, one latent each); "
        f"{100 * summary['features_recovered_fraction']:.1f}% of the features in all\n"
        f"dead latents {100 * summary['dead_fraction']:.1f}%, began anew "
        f"{summary['resampled']}, FVU {summary['fvu']:.4f}, "
        f"{summary['active_latents']:.3f} latents active per input\n"
        f"{visible(str(out))}: summary.json, frames.npz, figures, the runs truth and instance-0 to "
        f"instance-{settings.instances - 1}" + (", animation.html" if settings.hidden == 2 else "")
    )
