"""What is given, opened: dictionaries, their addresses, or runs known by their codes alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeAlias

from universality.dictionary import Dictionary
from universality.encoding.delphi import CodedRun, is_delphi, open_delphi
from universality.errors import InvalidInputError
from universality.loading import expand, load
from universality.loading.detection import natural_order
from universality.runs.keys import keyed
from universality.validation import Is

Run: TypeAlias = "Dictionary | CodedRun | str | Path"
"""A dictionary, an address that `load` understands, or a folder of latents that delphi cached."""

RUN = Is((Dictionary, CodedRun, str, Path), "a dictionary, or the address of one")
"""What public functions take for a run."""

_DEEPEST = 8


def open_run(
    run: Run, *, format: str | None = None, orientation: str | None = None
) -> Dictionary | CodedRun:
    """The run at an address, or the one given.

    Raises:
        MissingFileError, FormatError, UnsafeFileError, InvalidInputError: as `load`.
    """
    if isinstance(run, Dictionary | CodedRun):
        return run
    return open_delphi(run) if is_delphi(run) else load(run, format=format, orientation=orientation)


def open_runs(
    runs: Run | Sequence[Run],
    *,
    keys: str | Path | None = None,
    format: str | None = None,
    orientation: str | None = None,
) -> list[Dictionary | CodedRun]:
    """The runs opened, folders of runs taken for all runs below them; told apart by `keyed`.

    One address counts as a list of one. `keys`, `format` and `orientation` as in `keyed` and
    `load`.

    Raises:
        MissingFileError, FormatError, UnsafeFileError, InvalidInputError: as `load` and `keyed`.
    """
    given = [runs] if isinstance(runs, Dictionary | CodedRun | str | Path) else runs
    opened = [
        open_run(one, format=format, orientation=orientation)
        for run in given
        for one in _expanded(run, format)
    ]
    told = keyed([dictionary_of(run) for run in opened], keys)
    return [
        replace(run, dictionary=dictionary) if isinstance(run, CodedRun) else dictionary
        for run, dictionary in zip(opened, told, strict=True)
    ]


def dictionary_of(run: Dictionary | CodedRun) -> Dictionary:
    """What is known of a run; without any direction where that is its codes alone."""
    return run.dictionary if isinstance(run, CodedRun) else run


def is_coded(runs: Sequence[Dictionary | CodedRun]) -> bool:
    """Whether the runs are known by their codes alone.

    Raises:
        InvalidInputError: only some of them are.
    """
    names = {isinstance(run, CodedRun): dictionary_of(run).source.name for run in runs}
    if len(names) > 1:
        raise InvalidInputError(
            f"{names[True]} holds latents that delphi cached, {names[False]} is a dictionary: give "
            "caches of latents over the same tokens, or dictionaries with --activations"
        )
    return True in names


def _expanded(run: Run, format: str | None) -> Sequence[Run]:
    if isinstance(run, Dictionary | CodedRun):
        return [run]
    return _coded_runs(Path(run), _DEEPEST) or expand(run, format=format)


def _coded_runs(folder: Path, depth: int) -> list[str]:
    """The folder, or those below it, in which delphi cached latents."""
    if is_delphi(folder):
        return [str(folder)]
    if not folder.is_dir() or not depth:
        return []
    below = sorted(
        (one for one in folder.iterdir() if one.is_dir() and one.name[0] != "."), key=natural_order
    )
    return [run for one in below for run in _coded_runs(one, depth - 1)]
