"""Explanations of latents from a file of the reader: shown beside them, and searched."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from universality.errors import FormatError
from universality.intake.damage import damage_named
from universality.intake.plain_files import check_plain

COLUMNS = ("run", "latent", "explanation")
_LARGEST = 2**28


def explanations_of_two(path: str | Path, summary: Mapping[str, Any]) -> dict[str, dict[int, str]]:
    """The explanations of the latents of a comparison, by side and latent.

    A CSV file with the columns `run` (`a`, `b`, or the name of one of the two runs), `latent` and
    `explanation`; other columns are left alone.

    Args:
        path: The file.
        summary: Of the comparison.

    Raises:
        MissingFileError: there is no such file.
        FormatError: it is no such table, names a run or latent that the comparison has not, or
            explains one latent twice.
    """
    path = Path(path)
    check_plain(path, largest=_LARGEST)
    with damage_named(path, advice="save it as CSV in UTF-8"):
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
    lacking = [name for name in COLUMNS if name not in table]
    if lacking:
        raise FormatError(
            f"{path} lacks the column {', '.join(lacking)}; its first line must name "
            f"{', '.join(COLUMNS)}, it names {', '.join(map(str, table.columns[:8]))}"
        )
    sides = {summary[side]["name"]: side for side in ("b", "a")} | {"a": "a", "b": "b"}
    found: dict[str, dict[int, str]] = {"a": {}, "b": {}}
    for line, (run, latent, text) in enumerate(table[list(COLUMNS)].to_numpy().tolist(), start=2):
        side = sides.get(run)
        if side is None:
            raise FormatError(f"{path}, line {line}: no run {run!r}; write a, b or a run's name")
        if not latent.isdecimal() or int(latent) >= summary[side]["d_sae"]:
            size = summary[side]["d_sae"]
            raise FormatError(f"{path}, line {line}: no latent {latent!r} in {run} of {size:,}")
        if int(latent) in found[side]:
            raise FormatError(f"{path}, line {line}: latent {latent} of {run} is explained twice")
        found[side][int(latent)] = text
    return found
