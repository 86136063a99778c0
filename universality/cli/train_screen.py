"""What `universality train` prints: the cells of a grid, before and after."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from universality.intake.json_files import read_mapping
from universality.training.forecast import Forecast
from universality.training.record import ENVIRONMENT, read_record
from universality.training.runs import Outcome


def dry_run(rows: Sequence[Forecast], memory: str) -> str:
    """A row per cell with its state, tokens and time; then memory and the sum."""
    header = ("cell", "state", "d_sae", "architecture", "tokens", "about")
    lines = [
        (
            row.cell.name,
            row.state,
            f"{row.cell.settings.d_sae:,}",
            row.cell.settings.architecture.name,
            f"{row.cell.settings.n_steps * row.cell.settings.batch_size:,}",
            duration(row.seconds),
        )
        for row in rows
    ]
    total = duration(sum(row.seconds for row in rows))
    return "\n".join([_table(header, lines), memory, f"time: about {total} on this machine"])


def outcomes(found: Sequence[Outcome]) -> str:
    """A row per cell with its state and main figures."""
    header = ("cell", "state", "FVU", "unseen", "L0", "dead", "tokens", "time")
    return _table(header, [_row(outcome) for outcome in found])


def duration(seconds: float) -> str:
    """Such as `12 s`, `3 min` or `2.5 h`."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"


def _row(outcome: Outcome) -> tuple[str, ...]:
    if outcome.diverged is not None:
        return (outcome.name, "diverged", *["-"] * 6)
    record = read_record(outcome.folder)
    unseen: dict[str, Any] | None = record.get("held_out")
    return (
        outcome.name,
        "done",
        f"{record['fvu']:.4f}",
        "-" if unseen is None else f"{unseen['fvu']:.4f}",
        f"{record['l0']:.1f}",
        f"{record['dead_fraction']:.2%}",
        f"{record['n_presentations']:,}",
        _took(outcome.folder),
    )


def _took(folder: Path) -> str:
    if not (folder / ENVIRONMENT).is_file():
        return "-"
    return duration(read_mapping(folder / ENVIRONMENT)["seconds"])


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lengths = [max(len(row[i]) for row in [header, *rows]) for i in range(len(header))]
    words = 2
    return "\n".join(
        "  ".join(
            text.ljust(length) if i < words else text.rjust(length)
            for i, (text, length) in enumerate(zip(row, lengths, strict=True))
        ).rstrip()
        for row in [header, *rows]
    )
