"""Which saved comparisons are of two runs of a study, and where their pages lie."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final
from urllib.parse import quote

from universality.errors import InvalidInputError
from universality.intake.plain_files import check_plain
from universality.results.result_files import read_summary
from universality.results.schemas import COMPARISON

_PAGE = "report.html"
_LARGEST = 2**30


@final
@dataclass(frozen=True)
class PairPage:
    """The page of a comparison of two runs of a study."""

    a: str
    """What the study calls its run a."""
    b: str
    """What the study calls its run b."""
    href: str
    """Its address, from the folder of the study's own page."""


def pages_of_pairs(
    folders: Sequence[Path], summary: Mapping[str, Any], *, beside: Path
) -> tuple[PairPage, ...]:
    """The pages of saved comparisons, by the runs that they are of, told by their weights.

    Args:
        folders: Of the comparisons.
        summary: Of the study.
        beside: The folder in which the page with the links lies.

    Raises:
        MissingFileError, FormatError: a folder holds no comparison, or has no page.
        InvalidInputError: a comparison is not of two runs of the study.
    """
    names = {run["sha256"]: run["name"] for run in summary["runs"] if run.get("sha256")}
    return tuple(_page_of(Path(folder), names, beside) for folder in folders)


def _page_of(folder: Path, names: Mapping[str, str], beside: Path) -> PairPage:
    compared = read_summary(folder, *COMPARISON.read)
    check_plain(folder / _PAGE, largest=_LARGEST)
    sides = [compared[side] for side in ("a", "b")]
    strange = [side["name"] for side in sides if side.get("sha256") not in names]
    if strange:
        raise InvalidInputError(
            f"{folder} compares {sides[0]['name']} with {sides[1]['name']}, and the study has no "
            f"run with the weights of {', '.join(strange)}; it is of {', '.join(names.values())}"
        )
    a, b = (names[side["sha256"]] for side in sides)
    where = os.path.relpath(folder.resolve() / _PAGE, beside.resolve())
    return PairPage(a, b, quote(Path(where).as_posix()))
