"""`python -m universality.cli`: the `universality` command."""

from universality.cli.main import run

run()
