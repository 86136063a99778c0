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
from universality.results.connected import (
    CONNECTION_SCHEMA,
    ROW_LABELS,
    Connection,
    WeightFrames,
    connection_files,
    read_connection,
)
from universality.results.grades import ACCOUNTED, ALL_VIEWS, GRADES, ROUNDING, grade_column
from universality.results.investigated import Investigation, read_investigation
from universality.results.result_files import read_summary
from universality.results.schemas import (
    COMPARISON,
    CONNECTION,
    INVESTIGATION,
    STABILITY,
    TOY,
    age_of,
)
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
    "ACCOUNTED",
    "ALL_VIEWS",
    "COMPARISON_SCHEMA",
    "CONNECTION_SCHEMA",
    "GRADES",
    "OPTIONAL_TABLES",
    "ROUNDING",
    "ROW_LABELS",
    "STABILITY_SCHEMA",
    "TOY_SCHEMA",
    "Comparison",
    "Connection",
    "Investigation",
    "SavedResult",
    "Stability",
    "ToyResult",
    "WeightFrames",
    "Widths",
    "age_of",
    "age_of_saved",
    "answer_of",
    "connection_files",
    "grade_column",
    "judge",
    "null_name",
    "null_names",
    "read_comparison",
    "read_connection",
    "read_investigation",
    "read_result",
    "read_stability",
    "read_toy",
    "stability_files",
    "validity_of",
    "withdrawal",
    "withdrawn",
]


SavedResult: TypeAlias = Comparison | Stability | ToyResult | Investigation | Connection
"""What a folder may hold: of two runs, many, a toy experiment, one latent, a connector."""


@takes(folder=PATH)
def read_result(folder: str | Path) -> SavedResult:
    """What was saved in a folder: of two runs, many, a toy experiment, one latent, or a connector.

    Raises:
        MissingFileError, FormatError: as `read_comparison`.
    """
    folder = Path(folder)
    schema = _read_summary(folder)["schema"]
    if schema in TOY.read:
        return read_toy(folder)
    if schema in INVESTIGATION.read:
        return read_investigation(folder)
    if schema in CONNECTION.read:
        return read_connection(folder)
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
    some = (COMPARISON, STABILITY, TOY, INVESTIGATION, CONNECTION)
    return read_summary(folder, *(schema for one in some for schema in one.read))
