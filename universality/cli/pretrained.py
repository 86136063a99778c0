"""`universality pretrained`: known dictionaries, listed and fetched."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from universality.cli.terminal import say, say_line
from universality.cli.types import Address

if TYPE_CHECKING:
    from universality.registry import PretrainedSet


@click.group()
def pretrained() -> None:
    """Known dictionaries: shipped, and on the hub."""


@pretrained.command("list")
@click.argument("word", default="")
@click.option("--saelens", is_flag=True, help="Also SAELens' own releases, where it is installed.")
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
def list_(word: str, saelens: bool, as_json: bool) -> None:
    """Sets of dictionaries worth comparing; WORD narrows the list."""
    from universality.loading.saelens_registry import release_names
    from universality.registry import known_sets

    sets = [s for s in known_sets() if word.lower() in f"{s.name} {s.about} {s.kind}".lower()]
    releases = [name for name in release_names() if word.lower() in name] if saelens else []
    if as_json:
        say(json.dumps({"sets": [asdict(s) for s in sets], "saelens": releases}, indent=2))
        return
    say("\n".join([*(_line(s) for s in sets), *releases]) or f"nothing matches {word!r}")


@pretrained.command()
@click.argument("name", type=Address())
def fetch(name: str) -> None:
    """Bring a set, or the checkpoint at an address, into the local cache; print where it lies."""
    from universality.registry import fetch_set

    for path in fetch_set(name):
        say_line(str(path))


def _line(run_set: PretrainedSet) -> str:
    widths = {member.width for member in run_set.members}
    width = f"{next(iter(widths)):,}" if len(widths) == 1 and None not in widths else ""
    count = len(run_set.members)
    return f"{run_set.name:<34} {count:>3} {width:>8}  {run_set.about}"
