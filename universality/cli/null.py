"""`universality null`: what chance gives, from three numbers and no checkpoint."""

from __future__ import annotations

from typing import Any

import click

from universality.cli.rules import RULE_OPTION
from universality.cli.terminal import say
from universality.cli.types import DRAWS, SEED, Device


@click.command()
@click.option("--d", type=click.IntRange(2), required=True, help="Dimensions of the rows.")
@click.option("--a", "n_a", type=click.IntRange(2), required=True, help="Latents of one run.")
@click.option("--b", "n_b", type=click.IntRange(2), help="Latents of the other. Default: --a.")
@RULE_OPTION
@click.option(
    "--likeness",
    type=click.FloatRange(-1, 1),
    default=0.5,
    show_default=True,
    help="Cosine of a latent's own encoder and decoder rows, for rules on both.",
)
@click.option(
    "--draws", "n_draws", type=DRAWS, default=3, show_default=True, help="Pairs of runs drawn."
)
@click.option("--seed", type=SEED, default=0, show_default=True, help="Seed of the draws.")
@click.option(
    "--device", default="auto", show_default=True, type=Device(), help="auto, cpu, cuda, ..."
)
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON, nothing else.")
def null(
    d: int,
    n_a: int,
    n_b: int | None,
    rules: tuple[str, ...],
    likeness: float,
    n_draws: int,
    seed: int,
    device: str,
    as_json: bool,
) -> None:
    """Say what published rules give for two unrelated runs: no checkpoint is needed.

    Of isotropic rows, by closed forms where there are any and by draws elsewhere. Real runs have a
    mean direction and a spectrum and reach more by chance.
    """
    from universality.rules import chance_by_rule
    from universality.storage.json_output import as_json as to_json

    found = chance_by_rule(
        d,
        n_a,
        n_b or n_a,
        rules=rules,
        likeness=likeness,
        n_draws=n_draws,
        seed=seed,
        device=device,
    )
    if as_json:
        say(to_json(found), end="")
        return
    say(f"two unrelated runs of {n_a:,} and {n_b or n_a:,} latents in {d:,} dimensions")
    say(f"{'rule':<15}{'quantity':<43}{'mean':>9}{'sd':>9}")
    for record in found:
        say(_line(record))


def _line(record: dict[str, Any]) -> str:
    if "reason_skipped" in record:
        return f"{record['rule']:<15}skipped: {record['reason_skipped']}"
    spread = "-" if record["sd"] is None else f"{record['sd']:.5f}"
    exact = "" if record["mean_is"] == "drawn" else "  exact"
    return f"{record['rule']:<15}{record['quantity']:<43}{record['mean']:>9.5f}{spread:>9}{exact}"
