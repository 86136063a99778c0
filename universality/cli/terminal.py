"""What reaches the terminal: text that cannot steer it, on streams that may be closed or full."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
from collections.abc import Iterator
from types import TracebackType
from typing import Any, NoReturn

import click

from universality.errors import OutputError
from universality.intake.names import visible

_COLOURS = {
    "FAIL": "red",
    "WARN": "yellow",
    "NOT CERTIFIED": "red",
    "error:": "red",
    "Same:": "green",
    "Similar:": "cyan",
    "None:": "magenta",
    "Rare:": "yellow",
    "Dead:": "yellow",
}
"""Words at the start of a line, and their colours."""


def say(text: str, *, end: str = "\n") -> None:
    """Print text on standard output, its control characters (but for line ends) made visible.

    Raises:
        OutputError: standard output takes no more, for example because its disk is full.
    """
    shown = (visible(line) for line in text.split("\n"))
    lines = map(_coloured, shown) if colours(sys.stdout) else shown
    try:
        click.echo("\n".join(lines) + end, nl=False)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise cannot_print(error) from error


def say_line(text: str) -> None:
    """Print text as one line, whatever it holds.

    Raises:
        OutputError: as `say`.
    """
    say(visible(text))


def complain(text: str) -> None:
    """Print one line on standard error; where that cannot be written, nobody is there to read."""
    line = visible(text)
    with contextlib.suppress(OSError):
        click.echo(_coloured(line) if colours(sys.stderr) else line, err=True)


def show_progress(text: str) -> None:
    """Show a line on standard error in place of the last one shown, where that is a terminal."""
    stream = sys.stderr
    with contextlib.suppress(OSError, ValueError):
        if stream is not None and stream.isatty():
            room = shutil.get_terminal_size().columns - 1
            line = visible(text)[:room].ljust(room)
            click.echo(f"\r{line}" if text else f"\r{line}\r", nl=False, err=True)


def colours(stream: Any) -> bool:
    """Whether a stream is a terminal that shows colours, and NO_COLOR does not forbid them."""
    wanted = not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    try:
        return bool(wanted and stream is not None and stream.isatty())
    except ValueError:  # a closed stream
        return False


def _coloured(line: str) -> str:
    """The line with its first word in the colour of what it says."""
    for word, colour in _COLOURS.items():
        if line == word or line.startswith(f"{word} "):
            return click.style(word, fg=colour, bold=True) + line[len(word) :]
    return line


def cannot_print(error: OSError) -> OutputError:
    """The error of a standard output that takes no more."""
    return OutputError(
        f"cannot print to standard output: {error.strerror}; what was written to files is whole"
    )


def while_printing(error: OSError) -> bool:
    """Whether the error was raised by printing, and not by a file that was read or written."""
    return any(frame.tb_frame.f_code is click.echo.__code__ for frame in _frames(error))


def _frames(error: BaseException) -> Iterator[TracebackType]:
    frame = error.__traceback__
    while frame is not None:
        yield frame
        frame = frame.tb_next


def open_streams() -> None:
    """Give closed standard streams a place that swallows what is written to them.

    Otherwise the next file to be opened would take the number of the closed one, and whatever a
    library prints would go into it. Characters that the terminal cannot show become escapes.
    """
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        try:
            os.fstat(number)
        except OSError:
            opened = os.open(os.devnull, os.O_RDWR)
            if opened != number:
                os.dup2(opened, number)
                os.close(opened)
        if getattr(sys, name) is None:
            setattr(sys, name, open(number, mode, encoding="utf-8", closefd=False))  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def leave(code: int) -> NoReturn:
    """End the process at once, after what was printed is out as far as it can be."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)
