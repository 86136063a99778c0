"""What a comparison is given: dictionaries, their addresses, or runs known by their codes."""

from __future__ import annotations

from pathlib import Path
from typing import TypeAlias

from universality.dictionary import Dictionary
from universality.encoding.delphi import CodedRun, is_delphi, open_delphi
from universality.errors import InvalidInputError
from universality.loading import load
from universality.runs.recording import Recording, pair_up

Run: TypeAlias = "Dictionary | str | Path"
"""A dictionary, an address that `load` understands, or a folder of latents that delphi cached."""


def open_runs(a: Run, b: Run) -> tuple[Dictionary, Dictionary, Recording | None]:
    """Both runs, and their codes where the runs are known by those alone.

    Raises:
        InvalidInputError: only one of them is, or their codes are of different tokens.
    """
    first, second = (_open(run) for run in (a, b))
    if isinstance(first, CodedRun) and isinstance(second, CodedRun):
        return first.dictionary, second.dictionary, pair_up(first, second)
    if isinstance(first, Dictionary) and isinstance(second, Dictionary):
        return first, second, None
    names = {isinstance(run, CodedRun): _name(run) for run in (first, second)}
    raise InvalidInputError(
        f"{names[True]} holds latents that delphi cached, {names[False]} is a dictionary: give two "
        "caches of latents over the same tokens, or two dictionaries with --activations"
    )


def _name(run: Dictionary | CodedRun) -> str:
    return (run.dictionary if isinstance(run, CodedRun) else run).source.name


def _open(run: Run) -> Dictionary | CodedRun:
    if isinstance(run, Dictionary):
        return run
    return open_delphi(run) if is_delphi(run) else load(run)
