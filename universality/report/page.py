"""One self-contained page from a saved comparison: nothing is fetched, every text is escaped."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from pathlib import Path

import jinja2
import pandas as pd

from universality.results import Comparison

ROWS = 50
"""Rows of each table that the page shows; the full tables lie beside it."""


def comparison_page(comparison: Comparison, figures: Iterable[Path]) -> str:
    """The report of a comparison as HTML, with the PNG figures inside."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("universality.report", "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("comparison.html").render(
        summary=comparison.summary,
        figures=[
            {
                "name": path.stem.replace("_", " "),
                "data": base64.b64encode(path.read_bytes()).decode("ascii"),
            }
            for path in figures
        ],
        tables={
            "Matched pairs": _first_rows(comparison.pairs, "similarity"),
            "Latents of a": _first_rows(comparison.latents_a, None),
            "Latents of b": _first_rows(comparison.latents_b, None),
        },
        n_rows=ROWS,
    )


def _first_rows(table: pd.DataFrame, sort_by: str | None) -> dict[str, object]:
    rows = table.sort_values(sort_by, ascending=False, kind="stable") if sort_by else table
    return {
        "n": len(table),
        "columns": [str(column).replace("_", " ") for column in table.columns],
        "rows": [
            [_cell(value) for value in row] for row in rows.head(ROWS).itertuples(index=False)
        ],
    }


def _cell(value: object) -> str:
    if isinstance(value, float):
        return "" if pd.isna(value) else f"{value:.4g}"
    return str(value)
