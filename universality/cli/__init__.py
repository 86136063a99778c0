"""The command line: parse, call one function, print. Heavy imports wait until a command runs."""

from universality.cli.main import main, run

__all__ = ["main", "run"]
