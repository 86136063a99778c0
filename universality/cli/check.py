"""`universality check`: whether a release meets what is asked of it, for continuous integration."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from universality.cli.options import chosen
from universality.cli.rules import FLOOR_OPTION, inputs_of_rules
from universality.cli.strict import NOT_MET
from universality.cli.terminal import say


def _bounds(_: click.Context, __: click.Parameter, values: tuple[str, ...]) -> dict[str, float]:
    found: dict[str, float] = {}
    for value in values:
        name, _mark, number = value.rpartition("=")
        try:
            found[name] = float(number)
        except ValueError:
            name = ""
        if not name or found[name] != found[name]:
            raise click.BadParameter(f"{value!r} is not RULE=NUMBER, such as paulo2025=.3")
    return found


_SHARE = click.FloatRange(0, 1)


@click.command()
@inputs_of_rules
@click.option(
    "--min",
    "least",
    multiple=True,
    callback=_bounds,
    metavar="RULE=NUMBER",
    help="The rule gives at least this; RULE:QUANTITY=NUMBER for another of its numbers.",
)
@click.option(
    "--max",
    "most",
    multiple=True,
    callback=_bounds,
    metavar="RULE=NUMBER",
    help="The rule gives at most this.",
)
@click.option(
    "--above-floors",
    is_flag=True,
    help="The rules of --min (all, without one) lie above their null and every floor.",
)
@click.option("--max-dead", type=_SHARE, help="Share of dead latents in any run.")
@click.option("--max-duplicated", type=_SHARE, help="Share of latents with a twin in their run.")
@click.option(
    "--max-fvu", type=click.FloatRange(0), help="Fraction of variance unexplained in any run."
)
@click.option("--min-tokens", type=click.IntRange(0), help="Tokens shown to every run in training.")
@click.option("--allow-invalid", is_flag=True, help="Let failed checks pass.")
@FLOOR_OPTION
@click.option("--json", "as_json", is_flag=True, help="Print what was found as JSON.")
def check(
    runs: tuple[str, ...],
    activations: tuple[Path, ...],
    truth: str | None,
    least: dict[str, float],
    most: dict[str, float],
    above_floors: bool,
    max_dead: float | None,
    max_duplicated: float | None,
    max_fvu: float | None,
    min_tokens: int | None,
    allow_invalid: bool,
    floors: dict[str, list[str]],
    as_json: bool,
    **choices: Any,
) -> None:
    """Check a label (a file that `universality label` wrote), or runs, against demands.

    Exit codes: 0 all met, 3 something is not, 2 unreadable. That no check fails is asked for
    always, unless --allow-invalid.
    """
    from dataclasses import asdict

    from universality.results.requirements import Demands, requirements
    from universality.rules.published import rules_named
    from universality.storage.json_output import as_json as to_json

    def canonical(bounds: dict[str, float]) -> dict[str, float]:
        found = {}
        for name, bound in bounds.items():
            rule, mark, quantity = name.partition(":")
            found[f"{rules_named([rule])[0].name}{mark}{quantity}"] = bound
        return found

    demands = Demands(
        least=canonical(least),
        most=canonical(most),
        above_floors=above_floors,
        max_dead=max_dead,
        max_duplicated=max_duplicated,
        max_fvu=max_fvu,
        min_tokens=min_tokens,
        allow_invalid=allow_invalid,
    )
    subject = _subject(
        runs, demands, activations=activations, truth=truth, floors=floors, choices=choices
    )
    found = requirements(subject, demands)
    if as_json:
        say(to_json([asdict(one) for one in found]), end="")
    else:
        for one in found:
            say(f"{'met    ' if one.met else 'NOT MET'}  {one.text}: {one.found}")
    if not all(one.met for one in found):
        click.get_current_context().exit(NOT_MET)


def _subject(
    runs: tuple[str, ...],
    demands: Any,
    *,
    activations: tuple[Path, ...],
    truth: str | None,
    floors: dict[str, list[str]],
    choices: dict[str, Any],
) -> Any:
    """The label that was given, or that of the runs."""
    from universality.results.release_label import read_label
    from universality.rules.applied import apply_rules
    from universality.rules.labelling import label
    from universality.runs.opening import open_runs
    from universality.runs.policy import Policy

    if len(runs) == 1 and runs[0].endswith(".json") and not Path(runs[0]).is_dir():
        return read_label(runs[0])
    rules = [name.partition(":")[0] for name in (*demands.least, *demands.most)]
    return label(
        apply_rules(
            open_runs(runs),
            list(dict.fromkeys(rules)) or ["paulo2025", "song2025"],
            Policy(**chosen(choices)),
            activations=activations,
            truth=truth,
            floors={name: open_runs(where) for name, where in floors.items()},
            untrained=demands.above_floors,
        )
    )
