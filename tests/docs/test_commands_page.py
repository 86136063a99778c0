"""docs/commands.md names every command and option, and every option says what it does."""

from __future__ import annotations

import click
import pytest

from tests.docs.make_commands import PATH, commands, text

ALL = {" ".join(names): command for names, command in commands()}


def test_the_page_is_that_of_the_commands() -> None:
    assert PATH.read_text(encoding="utf-8") == text(), (
        "docs/commands.md is old: run `python -m tests.docs.make_commands`"
    )


@pytest.mark.parametrize("name", sorted(ALL))
def test_every_command_and_option_says_what_it_does(name: str) -> None:
    command = ALL[name]
    assert command.help, f"{name} has no help: give its function a docstring"
    silent = [
        option.opts[0]
        for option in command.params
        if isinstance(option, click.Option) and not (option.help or option.hidden)
    ]
    assert not silent, f"{name}: {silent} without help"
