"""The `universality` command: its subcommands, and how errors and interrupts leave it."""

from __future__ import annotations

import gc
import importlib
import os
import sys
from typing import NoReturn

import click

from universality._version import __version__
from universality.cli.interrupts import Signals
from universality.cli.terminal import (
    cannot_print,
    complain,
    leave,
    open_streams,
    while_printing,
)
from universality.errors import UniversalityError

_OBJECTS_BETWEEN_COLLECTIONS = 100_000

_THEMES = {
    "Compare runs": {
        "compare": "universality.cli.compare:compare",
        "stability": "universality.cli.stability:stability",
        "demo": "universality.cli.compare:demo",
        "calibrate": "universality.cli.calibrate:calibrate",
    },
    "Share out the work": {
        "plan": "universality.cli.plan:plan",
        "work": "universality.cli.work:work",
        "status": "universality.cli.work:status",
        "merge": "universality.cli.work:merge",
    },
    "Judge a claim": {
        "rules": "universality.cli.rules:rules",
        "null": "universality.cli.null:null",
        "label": "universality.cli.label:label",
        "check": "universality.cli.check:check",
        "diff": "universality.cli.diff:diff",
    },
    "Look at results": {
        "latent": "universality.cli.latent:latent",
        "investigate": "universality.cli.investigate:investigate",
        "prompt": "universality.cli.prompt:prompt",
        "export": "universality.cli.export:export",
        "figures": "universality.cli.figures:figures",
        "report": "universality.cli.report:report",
    },
    "Find and make runs": {
        "inspect": "universality.cli.inspect:inspect",
        "pretrained": "universality.cli.pretrained:pretrained",
        "activations": "universality.cli.activations:activations",
        "train": "universality.cli.train:train",
        "connect": "universality.cli.connect:connect",
        "toy": "universality.cli.toy:toy",
    },
}
_COMMANDS = {name: place for theme in _THEMES.values() for name, place in theme.items()}


class _LazyGroup(click.Group):
    """A group whose command modules are imported when their name is needed."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        module, attribute = _COMMANDS[cmd_name].split(":")
        command = getattr(importlib.import_module(module), attribute)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The commands under their themes."""
        for theme, names in _THEMES.items():
            commands = [(name, self.get_command(ctx, name)) for name in names]
            with formatter.section(theme):
                formatter.write_dl(
                    [
                        (name, one.get_short_help_str(60))
                        for name, one in commands
                        if one is not None
                    ]
                )


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="universality")
def cli() -> None:
    """Are the features that sparse autoencoders learn real, or accidents of one run?"""


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and leave with its exit code.

    0: done. 2: the user must change something (`error: ...`). 3: done, but a check failed under
    `--strict`, a demand of `check` is not met, or `diff --exit-code` found a difference. 130:
    interrupted, 143 and 129: told to end, or hung up on. Anything else is a bug and keeps its
    traceback.
    """
    signals = Signals()
    try:
        with signals.caught():
            result = cli.main(args=arguments, prog_name="universality", standalone_mode=False)
    except UniversalityError as error:
        complain(f"error: {error}")
        sys.exit(2)
    except click.ClickException as error:
        complain(f"error: {error.format_message()}{_dashed_path(error, arguments)}")
        sys.exit(2)
    except (KeyboardInterrupt, click.Abort) as error:
        advice = (error.__cause__ or error).args or ("nothing was left behind",)
        complain(f"interrupted; {advice[0]}")
        sys.exit(signals.exit_code)
    except BrokenPipeError:
        sys.exit(0)  # whoever read the output has read enough of it
    except OSError as error:
        if not while_printing(error):
            raise
        complain(f"error: {cannot_print(error)}")
        sys.exit(2)
    sys.exit(result if isinstance(result, int) else 0)


def _dashed_path(error: click.ClickException, arguments: list[str] | None) -> str:
    """What to write instead, where a file or folder that begins with a dash was read as options."""
    if not isinstance(error, click.NoSuchOption):
        return ""
    given = sys.argv[1:] if arguments is None else arguments
    dashed = [one for one in given if one.startswith("-") and os.path.lexists(one)]
    return f" To name {dashed[0]}, which lies here, write ./{dashed[0]}" if dashed else ""


def run() -> NoReturn:
    """The console script: `main`, in a process that ends at once when it is done.

    Python would spend half a second on tearing down what was imported, and nearly as much on
    looking for garbage while importing, where there is none; mypy leaves the same way.
    """
    gc.set_threshold(_OBJECTS_BETWEEN_COLLECTIONS)
    open_streams()
    code: object = 0
    try:
        main()
    except SystemExit as end:
        code = end.code
    leave(code if isinstance(code, int) else 0)
