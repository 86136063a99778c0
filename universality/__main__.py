"""`python -m universality`: the `universality` command."""

from universality.cli.main import run

run()
