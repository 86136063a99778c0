"""Results as they are kept: a summary and tables, written to a folder and read back from it.

Figures and reports read these and nothing else, so no picture can recompute a number.
"""

from pathlib import Path
from typing import Any, TypeAlias

from universality.intake.damage import damage_named
from universality.results.compared import (
    COMPARISON_SCHEMA,
    OPTIONAL_TABLES,
    Comparison,
    null_name,
    null_names,
    read_comparison,
)
from universality.results.grades import ALL_VIEWS, GRADES, ROUNDING, grade_column
from universality.results.investigated import Investigation, read_investigation
from universality.results.result_files import read_summary
from universality.results.schemas import COMPARISON, INVESTIGATION, STABILITY, TOY, age_of
from universality.results.studied import (
    STABILITY_SCHEMA,
    Stability,
    Widths,
    read_stability,
    stability_files,
)
from universality.results.toy import TOY_SCHEMA, ToyResult, read_toy
from universality.results.validity import answer_of, judge, validity_of, withdrawal, withdrawn
from universality.validation import PATH, takes

__all__ = [
    "ALL_VIEWS",
    "COMPARISON_SCHEMA",
    "GRADES",
    "OPTIONAL_TABLES",
    "ROUNDING",
    "STABILITY_SCHEMA",
    "TOY_SCHEMA",
    "Comparison",
    "Investigation",
    "SavedResult",
    "Stability",
    "ToyResult",
    "Widths",
    "age_of",
    "age_of_saved",
    "answer_of",
    "grade_column",
    "judge",
    "null_name",
    "null_names",
    "read_comparison",
    "read_investigation",
    "read_result",
    "read_stability",
    "read_toy",
    "stability_files",
    "validity_of",
    "withdrawal",
    "withdrawn",
]


SavedResult: TypeAlias = Comparison | Stability | ToyResult | Investigation
"""What a folder may hold: of two runs, of many, of a toy experiment, of one latent."""


@takes(folder=PATH)
def read_result(folder: str | Path) -> SavedResult:
    """What was saved in a folder: of two runs, of many, of a toy experiment, or of one latent.

    Raises:
        MissingFileError, FormatError: as `read_comparison`.
    """
    folder = Path(folder)
    schema = _read_summary(folder)["schema"]
    if schema in TOY.read:
        return read_toy(folder)
    if schema in INVESTIGATION.read:
        return read_investigation(folder)
    if schema in STABILITY.read:
        return read_stability(folder)
    return read_comparison(folder)


def age_of_saved(folder: str | Path) -> str:
    """What a reader should know of a result that an earlier version saved; empty for a new one.

    Raises:
        MissingFileError, FormatError: as `read_result`.
    """
    summary = _read_summary(Path(folder))
    with damage_named(Path(folder), advice="make the result again"):
        return age_of(summary)


def _read_summary(folder: Path) -> dict[str, Any]:
    return read_summary(folder, *COMPARISON.read, *STABILITY.read, *TOY.read, *INVESTIGATION.read)
