"""One check: what was looked at, what was found, and how worried to be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias, final

Status: TypeAlias = Literal["ok", "warn", "fail", "skipped"]
"""`fail` voids the comparison (its numbers are no evidence), `warn` may explain its result,
`skipped` could not be looked at."""


@final
@dataclass(frozen=True)
class Check:
    """One finding about the runs themselves."""

    id: str
    """Stable name, for result files."""
    status: Status
    """How worried to be."""
    value: float | None
    """The number behind it; None where there is none."""
    message: str
    """One sentence for a reader."""
