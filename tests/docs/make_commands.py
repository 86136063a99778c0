"""docs/commands.md from the commands themselves: `python -m tests.docs.make_commands` writes it."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path

import click

from universality.cli.main import cli

PATH = Path(__file__).resolve().parents[2] / "docs" / "commands.md"
HEAD = """# Commands

Written by `python -m tests.docs.make_commands` from the commands; a test holds it to them.
Exit codes: 0 done, 2 something to change (one line says what), 3 done, but a check failed under
`--strict` (warnings and what was skipped do not count), `check` found a demand that is not met, or
`diff --exit-code` a difference, 130 interrupted, 143 told to end, 129 hung up on. What `--out` may
replace: [what is replaced, and what is kept][kept].

[kept]: results.md#what-is-replaced-and-what-is-kept
"""


def text() -> str:
    """The page."""
    return "\n".join([HEAD, *(_section(names, command) for names, command in commands())])


def commands() -> Iterator[tuple[list[str], click.Command]]:
    """Every command that does something, with the words that call it."""
    yield from _below(["universality"], cli)


def _below(names: list[str], command: click.Command) -> Iterator[tuple[list[str], click.Command]]:
    if not isinstance(command, click.Group):
        yield names, command
        return
    context = click.Context(command)
    for name in command.list_commands(context):
        found = command.get_command(context, name)
        assert found is not None
        yield from _below([*names, name], found)


def _section(names: list[str], command: click.Command) -> str:
    arguments = [
        parameter.make_metavar(click.Context(command))
        for parameter in command.params
        if isinstance(parameter, click.Argument)
    ]
    options = [one for one in command.params if isinstance(one, click.Option) and not one.hidden]
    about = inspect.cleandoc(command.help or "").split("\n\n")
    paragraphs = "\n\n".join(" ".join(one.split()) for one in about)
    rows = [f"| {_spelled(one)} | {_about(one)} |" for one in options]
    table = "\n".join(["| option | does |", "|---|---|", *rows]) if rows else ""
    title = " ".join([*names, *arguments])
    return f"## `{title}`\n\n{paragraphs}\n" + (f"\n{table}\n" if table else "")


def _spelled(option: click.Option) -> str:
    names = ", ".join(f"`{name}`" for name in (*option.opts, *option.secondary_opts))
    metavar = "" if option.is_flag else option.make_metavar(click.Context(click.Command("")))
    shown = metavar.replace("|", " or ") if len(metavar) < 60 else ""
    return f"{names} {shown}".strip()


def _about(option: click.Option) -> str:
    default = option.get_help_extra(click.Context(click.Command(""))).get("default")
    return f"{option.help or ''}{f' Default: {default}.' if default else ''}".replace("|", "\\|")


if __name__ == "__main__":
    PATH.write_text(text(), encoding="utf-8")
