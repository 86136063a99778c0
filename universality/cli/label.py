"""`universality label`: what a release is and how much of it comes back, in one file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from universality.cli.options import chosen, strict_option
from universality.cli.rules import FLOOR_OPTION, RULE_OPTION, inputs_of_rules
from universality.cli.strict import leave_if_a_check_failed
from universality.cli.terminal import say
from universality.cli.types import NewFile
from universality.intake.names import visible


@click.command()
@inputs_of_rules
@RULE_OPTION
@FLOOR_OPTION
@click.option("--out", required=True, type=NewFile(), metavar="FILE", help="The label, JSON.")
@click.option("--overwrite", is_flag=True, help="Replace an earlier label at --out.")
@click.option("--json", "as_json", is_flag=True, help="Print the label as JSON, nothing else.")
@strict_option
def label(
    runs: tuple[str, ...],
    activations: tuple[Path, ...],
    truth: str | None,
    rules: tuple[str, ...],
    floors: dict[str, list[str]],
    out: Path,
    overwrite: bool,
    as_json: bool,
    strict: bool,
    **choices: Any,
) -> None:
    """Write the label of a release: each RUN is a checkpoint, or a folder of them.

    What was trained on what, with which seeds; whether the runs may be compared; dead and
    duplicated latents; what every rule gives, beside its null and the floors. A page of the same
    name, .html, lies beside it.
    """
    from universality.cli.rules_screen import label_screen
    from universality.intake.names import all_visible
    from universality.publishing import publish_label
    from universality.rules.applied import apply_rules
    from universality.rules.labelling import label as label_of
    from universality.runs.opening import open_runs
    from universality.runs.policy import Policy
    from universality.storage.json_output import as_json as to_json

    opened = open_runs(runs)
    beside = {name: open_runs(where) for name, where in floors.items()}
    made = publish_label(
        lambda: label_of(
            apply_rules(
                opened,
                rules,
                Policy(**chosen(choices)),
                activations=activations,
                truth=truth,
                floors=beside,
            )
        ),
        out,
        inputs=[*opened, *activations],
        overwrite=overwrite,
    )
    if as_json:
        say(to_json(made.content), end="")
    else:
        say(label_screen(all_visible(made.content)), end="")
        say(f"Label: {visible(str(out))}, and {visible(str(out.with_suffix('.html')))}")
    if strict:
        leave_if_a_check_failed(made.content)
