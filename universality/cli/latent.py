"""`universality latent`: is this one latent real?"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from universality.cli.given_options import given_options
from universality.cli.options import chosen, policy_options
from universality.cli.terminal import say
from universality.cli.types import Address, UserPath

if TYPE_CHECKING:
    import pandas as pd

    from universality.results.one_latent import LatentFound

_OF_SAVED = {"place", "latent", "other", "as_json"}


@click.command()
@click.argument("place", type=Address(), metavar="RESULT|RUN")
@click.argument("latent", metavar="LATENT")
@click.option(
    "--in",
    "other",
    type=Address(),
    metavar="RUN",
    help="The run to look for the latent in; RESULT is a run then.",
)
@click.option(
    "--activations",
    multiple=True,
    type=UserPath(),
    metavar="DIR",
    help="With --in: cache of activations, as for `compare`.",
)
@policy_options("matrix", "held_out")
@click.option("--json", "as_json", is_flag=True, help="Print numbers and texts as JSON.")
def latent(
    place: str,
    latent: str,
    other: str | None,
    activations: tuple[Path, ...],
    as_json: bool,
    **choices: Any,
) -> None:
    """Say whether one latent has a counterpart, with numbers and texts.

    Of a saved RESULT: a:17 or b:17, of many runs RUN:17 or family:12. Without one, of a RUN and
    --in another: its number. Options of the comparison belong to --in.
    """
    if other is None:
        _refuse_options()
        found = _saved(place, latent)
    else:
        found = _compared(place, other, latent, activations, choices)
    say(_json(found) if as_json else _screen(found), end="" if as_json else "\n")


def _refuse_options() -> None:
    given = given_options(lambda name: name not in _OF_SAVED)
    if given:
        raise click.UsageError(
            f"{', '.join(given)}: a saved result is shown as it was made; to compare two runs for "
            "one latent, say --in RUN"
        )


def _saved(place: str, latent: str) -> LatentFound:
    from universality.results.one_latent import latent_of_saved

    return latent_of_saved(place, latent)


def _compared(
    run: str,
    other: str,
    latent: str,
    activations: tuple[Path, ...],
    choices: dict[str, Any],
) -> LatentFound:
    from universality.comparison import Policy, compare
    from universality.results.latent_names import latent_address
    from universality.results.one_latent import latent_of
    from universality.runs.opening import open_run

    name = f"a:{latent}" if latent.isdigit() else latent
    latent_address(name)
    policy = Policy(**chosen(choices), held_out=False)
    found = compare(open_run(run), open_run(other), policy, activations=activations or None)
    return latent_of(found, name)


def _screen(found: LatentFound) -> str:
    return "\n".join([repr(found.verdict), *_texts(found)])


def _texts(found: LatentFound) -> list[str]:
    from universality.results.shown_contexts import context_line, strongest_contexts

    texts = found.contexts
    if texts is None:
        return ["", "No texts: made without activations."]
    if not len(texts):
        return ["", "No texts were kept for it; `evidence` holds an even part of the pairs."]
    if "kind" not in texts:
        rows = texts.to_dict("records")
        return ["", "Fires most on:", *(f"  {context_line(row)}" for row in rows)]
    first = texts.iloc[0]
    head = f"a {first['a']} | b {first['b']}: where either fires most"
    rows = strongest_contexts(texts).to_dict("records")
    lines = [f"{row['code_a']:8.2f} |{row['code_b']:8.2f}  {context_line(row)}" for row in rows]
    return ["", head, *lines]


def _json(found: LatentFound) -> str:
    from universality.storage.json_output import as_json

    verdict, texts = found.verdict, found.contexts
    return as_json(
        {
            "latent": verdict.of,
            "grade": verdict.grade,
            "sentences": verdict.sentences,
            "views": _records(verdict.views),
            "contexts": None if texts is None else _records(texts),
        }
    )


def _records(table: pd.DataFrame) -> Any:
    """The rows of a table as JSON knows them: what is not known is null."""
    return json.loads(table.to_json(orient="records", double_precision=15))
